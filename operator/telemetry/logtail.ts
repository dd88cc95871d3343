import { invisible, terminalSequence } from './oneline.ts';
import { redact } from './redact.ts';

/**
 * tidyLog makes log text fit for a status: without colours and control characters, without secrets, its last maxBytes. Secrets
 * first: cut in two, one would not be known for what it is.
 */
export const tidyLog = (log: string, maxBytes: number): string => {
  const lines = log
    .toWellFormed()
    .replace(terminalSequence, '')
    .replace(/[\u0085\u2028\u2029]/g, '\n');
  const plain = lines.replace(invisible, '').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
  return lastBytes(redact(plain.trim()), maxBytes);
};

/** lastBytes keeps the end of a text, from the beginning of a line where one begins there. */
const lastBytes = (text: string, max: number): string => {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return text;
  const end = bytes
    .subarray(bytes.length - max)
    .toString('utf8')
    .replace(/^\ufffd+/, '');
  const line = end.indexOf('\n');
  return line >= 0 && line < end.length - 1 ? end.slice(line + 1) : end;
};
