/** Data is the data of a Secret: names with values in base64 or, decoded, in plain text. */
export type Data = Readonly<Record<string, string>>;

const mapped = (data: Data, change: (value: string) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([name, value]) => [name, change(value)]));

/** decodedData is the data of a Secret as text; none where there is no Secret. */
export const decodedData = (secret: { readonly data?: Data } | undefined): Record<string, string> =>
  mapped(secret?.data ?? {}, (value) => Buffer.from(value, 'base64').toString());

/** encodedData is text as a Secret has it. */
export const encodedData = (data: Data): Record<string, string> =>
  mapped(data, (value) => Buffer.from(value).toString('base64'));
