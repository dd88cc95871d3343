/** A line that is longer than this is cut into several: a log without an end of line must not fill the memory. */
const maxLine = 64 * 1024;

/** splitLines makes lines of bytes as they come; the last one needs no end. */
export async function* splitLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let rest = '';
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    for (; rest.length > maxLine; rest = rest.slice(maxLine)) yield rest.slice(0, maxLine);
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}
