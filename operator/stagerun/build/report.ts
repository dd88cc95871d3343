/**
 * digestOf reads the image's digest from a report.toml. Only `digest` of the table [image] counts, as a whole line: the file
 * comes from the export container, yet tags in it are texts, and a text may contain anything.
 */
export const digestOf = (report: string | undefined): string | undefined => {
  let table = '';
  for (const line of (report ?? '').split('\n')) {
    const header = /^\s*\[([\w.-]+)\]\s*$/.exec(line);
    if (header) table = header[1] ?? '';
    const digest = /^\s*digest\s*=\s*"(sha256:[0-9a-f]{64})"\s*$/.exec(line);
    if (table === 'image' && digest) return digest[1];
  }
  return undefined;
};
