/**
 * What a YAML parser refuses where it stands raw in a text, or takes for a line break (U+0085, U+2028, U+2029) and folds into
 * a blank; and what JSON.stringify leaves of half a surrogate pair, which no parser takes. An escaped backslash is matched as
 * a whole, so that what follows it is not taken for an escape.
 */
const needsEscape = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|\\ud[89a-f]/;
const escapable = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|\\u(d[89a-f][0-9a-f]{2})|\\./g;

const escaped = (match: string, half: string | undefined): string => {
  if (half !== undefined) return '\ufffd';
  return match.startsWith('\\') ? match : `\\u${match.charCodeAt(0).toString(16).padStart(4, '0')}`;
};

/** A key that is not announced as one is recognized as such only if it is shorter than 1024 characters (YAML 1.2, 7.4.2). */
const maxKey = 1000;
const mayBeLong = /"[^"]{900}/;
const strings = /"[^"\\]*(?:\\.[^"\\]*)*"(:?)/g;

const announced = (match: string, colon: string): string =>
  colon !== '' && match.length > maxKey ? `? ${match}` : match;

/**
 * applyBody writes an object as the body of a server-side apply. Its content type is YAML's, of which JSON is nearly a subset:
 * the API server's parser takes some characters only as escapes.
 */
export const applyBody = (object: unknown): string => {
  const json = JSON.stringify(object);
  const text = needsEscape.test(json) ? json.replace(escapable, escaped) : json;
  return mayBeLong.test(text) ? text.replace(strings, announced) : text;
};
