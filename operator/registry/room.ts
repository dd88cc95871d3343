import type { RegistryCall } from './call.ts';
import { discard, readBytes } from './http.ts';
import { formatReference, type Reference } from './names.ts';
import { uploadPath } from './push.ts';

/** Room is what a registry says to who wants to push. */
export type Room =
  | { readonly type: 'room' }
  /** It has no room left, or grants none. */
  | { readonly type: 'full'; readonly message: string }
  | { readonly type: 'unauthorized'; readonly message: string }
  | { readonly type: 'unreachable'; readonly message: string };

/** As much as a failed upload leaves free, at most: what takes less than this is no answer. */
const sampleBytes = 1024 * 1024;

/**
 * docker-registry hands the error of its disk on as 500: in words, or as the number of the system's error (ENOSPC 28, EDQUOT 122).
 * Harbor answers 403 or 412 with a sentence about the quota, others 507.
 */
const full =
  /no space left|disk quota exceeded|"Err":\s*(28|122)\b|exceed\w* the (configured )?(upper limit|quota)|quota exceeded|insufficient storage/i;

const judge = (status: number, body: string, name: string): Room => {
  if (status === 507 || (status >= 400 && full.test(body)))
    return { type: 'full', message: `The registry has no room for ${name} (${status}).` };
  if (status === 401 || status === 403)
    return { type: 'unauthorized', message: `The registry does not let push to ${name} (${status}).` };
  if (status >= 400)
    return { type: 'unreachable', message: `The registry answered ${status} to an upload to ${name}.` };
  return { type: 'room' };
};

/** tryUpload begins an upload, sends a MiB of zeros, and takes it back: nothing of it stays. */
export const tryUpload = async (call: RegistryCall, reference: Reference): Promise<Room> => {
  const name = formatReference(reference);
  const begun = await call('POST', `${reference.repository}/blobs/uploads/`, { bytes: Buffer.alloc(0) });
  const first = judge(begun.statusCode, (await readBytes(begun)).toString(), name);
  if (first.type !== 'room') return first;
  const place = uploadPath(begun);
  if (place === undefined)
    return { type: 'unreachable', message: `The registry does not say where an upload to ${name} goes.` };
  const sent = await call('PATCH', place, { bytes: Buffer.alloc(sampleBytes) });
  const second = judge(sent.statusCode, (await readBytes(sent)).toString(), name);
  await discard(await call('DELETE', uploadPath(sent) ?? place));
  return second;
};
