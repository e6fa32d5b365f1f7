/**
 * The contents of a disk as they come in by a stream: a raw disk, byte after byte.
 *
 * @module
 */
import { BYTES, checkArgument } from "../../arguments.ts";
import type { DiskContents, DiskPiece } from "./disk_contents.ts";
import type { Pace } from "./pace.ts";

/**
 * The disk that a stream holds. The stream is read to its end, or cancelled where the copying ends
 * before.
 *
 * @param size What the caller says of the size; the stream may end before it.
 */
export function streamContents(
  stream: ReadableStream<Uint8Array>,
  size: number | undefined,
  pace: Pace,
): DiskContents {
  return { size, pieces: (unit) => streamPieces(stream, unit, size, pace) };
}

async function* streamPieces(
  stream: ReadableStream<Uint8Array>,
  unit: number,
  size: number | undefined,
  pace: Pace,
): AsyncGenerator<DiskPiece> {
  const { signal } = pace;
  const reader = stream.getReader();
  // Ends a pending read, which may wait for ever; what the cancelling itself fails with says nothing new.
  const cancel = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel);
  let isOver = false;
  try {
    const buffer = new Uint8Array(unit);
    let offset = 0;
    let filled = 0;
    while (true) {
      const { value, done } = await reader.read();
      pace.assertWanted();
      if (done) break;
      checkArgument(BYTES, value, "a chunk of source");
      for (let taken = 0; taken < value.length;) {
        const part = value.subarray(taken, taken + unit - filled);
        buffer.set(part, filled);
        taken += part.length;
        filled += part.length;
        if (filled < unit) continue;
        yield { offset, bytes: buffer };
        offset += unit;
        filled = 0;
        pace.count(unit);
        await pace.reach(offset, size ?? 0);
      }
    }
    isOver = true;
    if (filled > 0) yield { offset, bytes: buffer.subarray(0, filled) };
  } finally {
    signal?.removeEventListener("abort", cancel);
    if (!isOver) await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}
