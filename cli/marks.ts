/** Marks are signs before a line. */
export interface Marks {
  readonly good: string;
  readonly bad: string;
  readonly going: string;
  readonly serves: string;
}

const utf8: Marks = { good: '✓', bad: '✗', going: '…', serves: '●' };
const ascii: Marks = { good: '+', bad: 'x', going: '.', serves: '*' };

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
