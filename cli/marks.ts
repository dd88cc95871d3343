/** Marks are signs before a line. */
export interface Marks {
  readonly good: string;
  readonly bad: string;
  readonly going: string;
  readonly serves: string;
  /** It goes on, but not well. */
  readonly trouble: string;
  /** It has not begun. */
  readonly todo: string;
  /** The text goes on where there is no room. */
  readonly more: string;
}

const utf8: Marks = { good: '✓', bad: '✗', going: '…', serves: '●', trouble: '!', todo: '·', more: '…' };
const ascii: Marks = { good: '+', bad: 'x', going: '.', serves: '*', trouble: '!', todo: '-', more: '~' };

/** marksFor are those that a terminal can show: the locale says whether it knows more than ASCII. */
export const marksFor = (
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): Marks => {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => value !== undefined && value !== '');
  // Windows has no locale variables; its terminals have known UTF-8 for years. No locale at all is a container or CI.
  if (locale === undefined || platform === 'win32') return utf8;
  return /utf-?8/i.test(locale) ? utf8 : ascii;
};
