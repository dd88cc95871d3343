import { describe, expect, it } from 'vitest';
import { meanings, Reason } from './conditions.ts';

describe('reasons', () => {
  it.each(Object.entries(meanings))('%s is one CamelCase word with a meaning of one sentence', (reason, meaning) => {
    expect(reason).toMatch(/^[A-Z][A-Za-z0-9]+$/);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
  });

  it('are their own names', () => {
    expect(Reason.AwaitingUpload).toBe('AwaitingUpload');
  });
});
