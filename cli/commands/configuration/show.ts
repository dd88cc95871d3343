import { formatOf, printObject } from '../../format.ts';
import { tableLines } from '../../table.ts';
import { plainLines } from '../../text.ts';
import type { OutputFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { getConfiguration } from './secrets.ts';

interface Flags extends OutputFlags {
  readonly reveal: boolean;
}

/** readable is a value as text; undefined where it is none. */
const readable = (bytes: Buffer): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

export const run: Run<[string], Flags> = async (tools, [name], { output, reveal }) => {
  const format = formatOf(output);
  const secret = await getConfiguration(tools, name);
  const values = Object.entries(secret.data ?? {}).map(([key, value]) => ({
    key,
    bytes: Buffer.from(value, 'base64'),
  }));
  const shown = reveal ? secret : { ...secret, data: Object.fromEntries(values.map(({ key }) => [key, ''])) };
  if (printObject(tools.output, format, shown)) return;
  if (values.length === 0) return tools.output.step(`Configuration ${name} has no keys`);
  const columns = [
    { head: 'KEY', cell: (v: (typeof values)[number]) => v.key },
    { head: 'BYTES', cell: (v: (typeof values)[number]) => String(v.bytes.length) },
  ];
  if (!reveal) return tools.output.result(tableLines(values, columns).join('\n'));
  for (const { key, bytes } of values)
    tools.output.result(
      `${key}=${plainLines(readable(bytes) ?? `<${bytes.length} bytes that are no text>`).join('\n')}`,
    );
};
