/**
 * Patterns of what may carry a credential. None matches a quote or a backslash, so that a line of JSON stays JSON; a
 * replacement keeps what helps a reader (scheme, host, path, the name of a key). Build logs come from strangers, so none may
 * need more than linear time: each begins with a fixed word and not with a repetition that could begin anywhere.
 */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^"]{0,8192}?-----END [A-Z ]*PRIVATE KEY-----/g, '***'],
  // Userinfo and query of a URL: presigned URLs carry their signature there, git URLs their token.
  [/(\w:\/\/)[^\s/@"'\\]+@/g, '$1***@'],
  [/(\w:\/\/[^\s?"'\\<>]{0,1024})\?[^\s"'\\<>]+/g, '$1?***'],
  [/\b(Bearer|Basic)\s+[\w+/=.~-]{8,}/gi, '$1 ***'],
  [/(?<![\w-])eyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '***'],
  [/((?:password|passwd|secret|token|api[_-]?key|access[_-]?key)\\?["']?[=:]\\?["']?)[^\s"'\\,;&}]{4,}/gi, '$1***'],
  // Prose has "token: expired"; only a password is worth masking behind a space.
  [/((?:password|passwd)\\?["']?\s*[=:]\s+\\?["']?)[^\s"'\\,;&}]{4,}/gi, '$1***'],
];

/** redact masks credentials in text that leaves the process: conditions, events, logs, errors. */
export const redact = (text: string): string => {
  let out = text;
  for (const [pattern, mask] of patterns) out = out.replace(pattern, mask);
  return out;
};

/** clip shortens text to at most max bytes of UTF-8, never in the middle of a character. */
export const clip = (text: string, max: number): string => {
  // A UTF-16 unit is at most 3 bytes: most texts need no counting.
  if (text.length * 3 <= max || Buffer.byteLength(text) <= max) return text;
  const bytes = Buffer.from(text);
  let end = max - 3;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.subarray(0, end).toString('utf8')}…`;
};

/** cut shortens text to at most max UTF-16 units, never between the halves of a surrogate pair. */
export const cut = (text: string, max: number): string => {
  const end = /[\ud800-\udbff]/.test(text.charAt(max - 1)) ? max - 1 : max;
  return text.slice(0, end);
};
