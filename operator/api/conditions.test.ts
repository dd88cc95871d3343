import { describe, expect, it } from 'vitest';
import { meanings, Reason } from './conditions.ts';
import { remedies } from './remedies.ts';

describe('reasons', () => {
  it.each(Object.entries(meanings))('%s is one CamelCase word with a meaning of one sentence', (reason, meaning) => {
    expect(reason).toMatch(/^[A-Z][A-Za-z0-9]+$/);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
  });

  it.each(Object.entries(remedies))(
    '%s has a remedy of whole sentences that fits a cell of a table',
    (_reason, remedy) => {
      expect(remedy).toMatch(/^[A-Z`].*\.$/);
      expect(remedy).not.toMatch(/[|\n]/);
    },
  );

  it('are their own names', () => {
    expect(Reason.AwaitingUpload).toBe('AwaitingUpload');
  });
});
