/** UTF-16 as Windows and the image formats store it: 16-bit units, either byte order. */

/** The bytes of `text`, without a terminator. Unpaired surrogates are kept as they are. */
export function encodeUtf16(text: string, littleEndian = true): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), littleEndian);
  return bytes;
}

/** The text of all of `bytes`; a trailing odd byte is ignored. */
export function decodeUtf16(bytes: Uint8Array, littleEndian = true): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const units = bytes.byteLength >> 1;
  let text = "";
  // fromCharCode takes its units as arguments: a bounded slice at a time keeps the stack small.
  for (let start = 0; start < units; start += 4096) {
    const slice: number[] = [];
    for (let i = start; i < Math.min(units, start + 4096); i++) {
      slice.push(view.getUint16(2 * i, littleEndian));
    }
    text += String.fromCharCode(...slice);
  }
  return text;
}

/** The text up to the first NUL, or all of it. */
export function decodeUtf16Z(bytes: Uint8Array, littleEndian = true): string {
  let end = 0;
  while (end + 1 < bytes.length && (bytes[end] !== 0 || bytes[end + 1] !== 0)) end += 2;
  return end === 0 ? "" : decodeUtf16(bytes.subarray(0, end), littleEndian);
}

/** The strings of a multi-string: each ended by a NUL, the list by an empty one. */
export function decodeMultiString(bytes: Uint8Array): string[] {
  const strings: string[] = [];
  for (const text of decodeUtf16(bytes).split("\0")) {
    if (text === "") break;
    strings.push(text);
  }
  return strings;
}
