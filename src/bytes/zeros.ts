/** Bytes that are all zero, which a sparse image need not store. */

/** Bytes of the words that are compared at once. */
const WORD_SIZE = 4;

/** Whether no byte differs from zero. */
export function isAllZero(bytes: Uint8Array): boolean {
  if (bytes.length < 2 * WORD_SIZE) return bytes.every((byte) => byte === 0);
  const head = -bytes.byteOffset & (WORD_SIZE - 1);
  for (let i = 0; i < head; i++) if (bytes[i] !== 0) return false;
  const wordCount = Math.floor((bytes.length - head) / WORD_SIZE);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + head, wordCount);
  for (let i = 0; i < wordCount; i++) if (words[i] !== 0) return false;
  for (let i = head + wordCount * WORD_SIZE; i < bytes.length; i++) {
    if (bytes[i] !== 0) return false;
  }
  return true;
}
