/** isMacMetadata: what macOS puts into archives beside the files: attributes and the looks of folders, of no use to a build. */
export const isMacMetadata = (path: string): boolean =>
  path === '__MACOSX' || path.startsWith('__MACOSX/') || path.split('/').at(-1) === '.DS_Store';

/** AppleDouble holds the attributes of the file beside it; anybody may name a file like one, so its first bytes decide. */
const appleDouble = Buffer.from('00051607', 'hex');
const mayBeAppleDouble = (path: string): boolean => path.split('/').at(-1)?.startsWith('._') === true;

/** withoutAppleDouble gives the content of a file, or undefined where it is AppleDouble. */
export const withoutAppleDouble = async (
  path: string,
  content: AsyncIterable<Uint8Array>,
): Promise<AsyncIterable<Uint8Array> | undefined> => {
  if (!mayBeAppleDouble(path)) return content;
  const iterator = content[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < appleDouble.length) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  if (head.subarray(0, appleDouble.length).equals(appleDouble)) {
    await iterator.return?.();
    return undefined;
  }
  return (async function* () {
    yield head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  })();
};
