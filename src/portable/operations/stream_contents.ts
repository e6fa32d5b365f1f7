/**
 * The contents of a disk as they come in by a stream: a raw disk, byte after byte.
 *
 * @module
 */
import { joined } from "../../bytes/joined.ts";
import { BYTES, checkArgument } from "../../disk/arguments.ts";
import type { ByteSource } from "../file/byte_source.ts";
import type { Pace } from "../image/pace.ts";
import type { DiskContents, DiskPiece } from "./disk_contents.ts";

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
  const input = new StreamInput(stream, unit, (chunk) => {
    pace.assertWanted();
    if (margins.add(chunk)) check(margins.beginning());
  });
  // Ends a pending read, which may wait for ever.
  const cancel = () => void input.cancel(signal?.reason);
  signal?.addEventListener("abort", cancel);
  let isOver = false;
  try {
    // A signal that was aborted before that does not say so any more.
    pace.assertWanted();
    let [buffer, other] = [new Uint8Array(unit), new Uint8Array(unit)];
    for (let offset = 0; !isOver; offset += unit) {
      const bytes = await input.fill(buffer);
      pace.assertWanted();
      isOver = bytes.length < unit;
      if (isOver) check(margins.whole());
      if (bytes.length > 0) yield { offset, bytes };
      [buffer, other] = [other, new Uint8Array(bytes.buffer)];
      pace.count(bytes.length);
      await pace.reach(offset + bytes.length, size ?? 0);
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    if (!isOver) await input.cancel();
    input.release();
  }
}

/** Fills buffers with what a stream gives, however that is cut. */
class StreamInput {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | ReadableStreamBYOBReader;
  readonly #look: (chunk: Uint8Array) => void;
  /** A stream that is closed without an answer to a reader's buffer says so here alone. */
  readonly #ended: Promise<undefined>;
  /** Memory for such a buffer. */
  #spare: ArrayBuffer;
  /** What of the last chunk has not been taken. */
  #rest: Uint8Array = new Uint8Array(0);

  /**
   * @param unit The length of the buffers.
   * @param look Is shown what comes in.
   */
  constructor(
    stream: ReadableStream<Uint8Array>,
    unit: number,
    look: (chunk: Uint8Array) => void,
  ) {
    this.#reader = readerOf(stream);
    this.#look = look;
    this.#spare = new ArrayBuffer(unit);
    this.#ended = this.#reader.closed.then(() => undefined);
    // The reads fail too.
    this.#ended.catch(() => {});
  }

  /**
   * Fills a buffer, or gives another one in its place, of the same length.
   *
   * @returns What has been filled, from the beginning of its memory on: less than the buffer at the end of the stream
   * alone.
   */
  async fill(buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    for (let filled = 0; filled < buffer.length;) {
      const chunk = this.#rest.length > 0 ? this.#rest : await this.#read();
      if (chunk === undefined) return buffer.subarray(0, filled);
      if (chunk.length === buffer.length && chunk.buffer === this.#spare) {
        [this.#spare, this.#rest] = [buffer.buffer, new Uint8Array(0)];
        return new Uint8Array(chunk.buffer);
      }
      const part = chunk.subarray(0, buffer.length - filled);
      buffer.set(part, filled);
      filled += part.length;
      this.#rest = chunk.subarray(part.length);
    }
    return buffer;
  }

  /** What the cancelling itself fails with says nothing new. */
  async cancel(reason?: unknown): Promise<void> {
    await this.#reader.cancel(reason).catch(() => {});
  }

  release(): void {
    this.#reader.releaseLock();
  }

  async #read(): Promise<Uint8Array | undefined> {
    const reader = this.#reader;
    if (reader instanceof ReadableStreamBYOBReader) {
      const answer = await Promise.race([reader.read(new Uint8Array(this.#spare)), this.#ended]);
      if (answer?.value === undefined || answer.done) return undefined;
      this.#spare = answer.value.buffer;
      this.#look(answer.value);
      return answer.value;
    }
    const { value, done } = await reader.read();
    if (done) return undefined;
    checkArgument(BYTES, value, "a chunk of source");
    this.#look(value);
    return value;
  }
}

/** A stream that fills a buffer of its reader's, as that of a file, gives more at once than one that has its own. */
function readerOf(
  stream: ReadableStream<Uint8Array>,
): ReadableStreamDefaultReader<Uint8Array> | ReadableStreamBYOBReader {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return stream.getReader();
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
