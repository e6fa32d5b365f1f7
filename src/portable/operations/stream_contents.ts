/**
 * The contents of a disk as they come in by a stream: a raw disk, byte after byte.
 *
 * @module
 */
import { BYTES, checkArgument } from "../../disk/arguments.ts";
import type { ByteSource } from "../byte_source.ts";
import type { DiskContents, DiskPiece } from "./disk_contents.ts";
import type { Pace } from "./pace.ts";

/** How much of the beginning and of the end of a stream says what it is. */
const MARGIN = 4096;

/**
 * The disk that a stream holds. The stream is read to its end, or cancelled where the copying ends
 * before.
 *
 * @param size What the caller says of the size; the stream may end before it.
 * @param check Refuses a stream that is no raw disk. It is asked as soon as its beginning is there, of a source
 * that has nothing but that, and once more when all has been read, of one that has the end too.
 */
export function streamContents(
  stream: ReadableStream<Uint8Array>,
  size: number | undefined,
  pace: Pace,
  check: (source: ByteSource) => void = () => {},
): DiskContents {
  return { size, pieces: (unit) => streamPieces(stream, unit, size, pace, check) };
}

async function* streamPieces(
  stream: ReadableStream<Uint8Array>,
  unit: number,
  size: number | undefined,
  pace: Pace,
  check: (source: ByteSource) => void,
): AsyncGenerator<DiskPiece> {
  const { signal } = pace;
  const margins = new StreamMargins();
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
      if (margins.add(value)) check(margins.beginning());
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
    check(margins.whole());
    if (filled > 0) yield { offset, bytes: buffer.subarray(0, filled) };
  } finally {
    signal?.removeEventListener("abort", cancel);
    if (!isOver) await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}

/** The beginning and the end of what has come so far; what is between them reads as nothing. */
class StreamMargins {
  readonly #head = new Uint8Array(MARGIN);
  #tail: Uint8Array = new Uint8Array(0);
  #size = 0;

  /** Takes the next bytes; gives whether they have completed the beginning. */
  add(bytes: Uint8Array): boolean {
    const before = this.#size;
    if (before < MARGIN) this.#head.set(bytes.subarray(0, MARGIN - before), before);
    this.#size += bytes.length;
    // The buffer is its owner's, who may fill it anew.
    const latest = bytes.slice(-MARGIN);
    this.#tail = latest.length === MARGIN ? latest : joined(this.#tail, latest).slice(-MARGIN);
    return before < MARGIN && this.#size >= MARGIN;
  }

  beginning(): ByteSource {
    return this.#source(Number.MAX_SAFE_INTEGER);
  }

  whole(): ByteSource {
    return this.#source(this.#size);
  }

  #source(size: number): ByteSource {
    const tailOffset = this.#size - this.#tail.length;
    return {
      path: "",
      size,
      readAt: (buffer, offset) => {
        const head = this.#head.subarray(0, Math.min(this.#size, MARGIN));
        const bytes = offset < head.length
          ? head.subarray(offset)
          : offset >= tailOffset
          ? this.#tail.subarray(offset - tailOffset)
          : new Uint8Array(0);
        const part = bytes.subarray(0, buffer.length);
        buffer.set(part);
        return part.length;
      },
    };
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
