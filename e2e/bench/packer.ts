import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { pack } from '../../cli/pack.ts';
import { upload, type Upload } from '../../cli/upload.ts';

// One push without a cluster, as a process of its own: packs a folder, says what came out, reads where to send it, sends it.

/** The kernel's own count: process.resourceUsage() also has what the process was forked from. */
const peakMB = (): number =>
  Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? NaN) / 1024);

const [folder = '.'] = process.argv.slice(2);
const startedAt = performance.now();
await using archive = await pack(folder);
const packedMs = performance.now() - startedAt;
console.log(JSON.stringify({ sha256: archive.sha256, size: archive.size }));
for await (const line of createInterface({ input: process.stdin })) {
  const sentAt = performance.now();
  await upload(JSON.parse(line) as Upload, archive);
  console.log(JSON.stringify({ packedMs, sentMs: performance.now() - sentAt, peakMB: peakMB() }));
  break;
}
