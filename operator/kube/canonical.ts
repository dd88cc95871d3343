/** Json is any JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** isObject narrows to a JSON object. */
export const isObject = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v);

// The same names of fields come again and again; others' labels may be any.
const quotedNames = new Map<string, string>();

const quoted = (name: string): string => {
  const known = quotedNames.get(name);
  if (known !== undefined) return known;
  const text = `${JSON.stringify(name)}:`;
  if (quotedNames.size < 1000) quotedNames.set(name, text);
  return text;
};

const sorted = (names: string[]): string[] =>
  names.every((name, i) => i === 0 || (names[i - 1] as string) < name) ? names : names.sort();

const write = (value: unknown, out: string[]): void => {
  if (Array.isArray(value)) {
    out.push('[');
    value.forEach((item: unknown, i) => {
      if (i > 0) out.push(',');
      write(item, out);
    });
    out.push(']');
  } else if (isObject(value)) {
    let separator = '{';
    for (const name of sorted(Object.keys(value))) {
      if (value[name] === undefined) continue;
      out.push(separator, quoted(name));
      separator = ',';
      write(value[name], out);
    }
    out.push(separator === '{' ? '{}' : '}');
  } else out.push(JSON.stringify(value ?? null));
};

/** canonical writes JSON with sorted keys, so that equal values give equal texts. */
export const canonical = (value: unknown): string => {
  const out: string[] = [];
  write(value, out);
  return out.join('');
};
