import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { alone } from './lock.ts';

function lockFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'epinio-lock-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'lock');
}

test('one after the other, also when the first fails', async () => {
  const file = lockFile();
  const seen: string[] = [];
  const first = alone(async () => {
    seen.push('first starts');
    await new Promise((resolve) => setTimeout(resolve, 20));
    seen.push('first fails');
    throw new Error('no');
  }, file);
  const second = alone(async () => void seen.push('second'), file);
  await expect(first).rejects.toThrow('no');
  await second;
  expect(seen).toEqual(['first starts', 'first fails', 'second']);
  expect(readdirSync(join(file, '..'))).toEqual([]);
});

test('what a dead process left does not hold', async () => {
  const file = lockFile();
  writeFileSync(file, '999999999');
  await expect(alone(async () => 'mine', file)).resolves.toBe('mine');
});
