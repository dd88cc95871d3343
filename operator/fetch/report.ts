import { writeFileSync } from 'node:fs';
import { cut } from '../telemetry/redact.ts';
import type { Report } from '../api/fetchresult.ts';

const maxMessage = 1000;

/** oneLine makes text fit for a log line or a condition: names in an archive are a stranger's. */
export const oneLine = (text: string, max = maxMessage): string => {
  const clean = text
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, '?');
  return clean.length <= max ? clean : `${cut(clean, max - 1)}…`;
};

/** formatReport gives JSON of at most 2 KiB: what is left of a message in the status of a pod with six containers. */
export const formatReport = (report: Report): string => {
  let message = oneLine(report.message);
  for (;;) {
    const text = JSON.stringify({ ...report, message });
    if (Buffer.byteLength(text) <= 2048) return text;
    message = oneLine(message, Math.floor(message.length / 2));
  }
};

/** writeReport leaves the report where the kubelet reads it; without that file the exit code still tells. */
export const writeReport = (path: string, report: Report): void => {
  try {
    writeFileSync(path, formatReport(report));
  } catch (error) {
    process.stderr.write(`Cannot write ${path}: ${(error as Error).message}\n`);
  }
};
