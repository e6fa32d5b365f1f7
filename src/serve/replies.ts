/**
 * What a command is answered, simply or in chunks.
 *
 * @module
 */
import {
  CHUNK,
  CHUNK_DONE,
  CHUNK_HEAD,
  CHUNK_OFFSET,
  encodeChunkHead,
  encodeSimpleReply,
  SIMPLE_REPLY_HEAD,
} from "./protocol.ts";
import type { Output } from "./wire.ts";

/** Nobody reads more of an error, in bytes. */
const MAX_MESSAGE = 1024;

/** Fills a buffer from a place of the disk. */
type Read = (buffer: Uint8Array, offset: number) => void;

/** Writes the replies of one connection. */
export class Replies {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Ends a command with an error, or without one: 0. */
  end(cookie: bigint, error: number): void {
    const reply = new Uint8Array(SIMPLE_REPLY_HEAD);
    encodeSimpleReply(reply, error, cookie);
    this.#output.push(reply);
  }

  /**
   * Begins the reply to a read that is answered simply, with its first data.
   *
   * @throws What reading fails with; nothing has been sent then.
   */
  simpleData(cookie: bigint, offset: number, length: number, read: Read): void {
    const reply = new Uint8Array(SIMPLE_REPLY_HEAD + length);
    read(reply.subarray(SIMPLE_REPLY_HEAD), offset);
    encodeSimpleReply(reply, 0, cookie);
    this.#output.push(reply);
  }

  /**
   * A chunk of data.
   *
   * @throws What reading fails with; nothing has been sent then.
   */
  data(cookie: bigint, offset: number, length: number, read: Read, isLast: boolean): void {
    const { bytes, view } = chunk(cookie, CHUNK.OFFSET_DATA, CHUNK_OFFSET + length, isLast);
    read(bytes.subarray(CHUNK_HEAD + CHUNK_OFFSET), offset);
    view.setBigUint64(CHUNK_HEAD, BigInt(offset));
    this.#output.push(bytes);
  }

  /** A chunk that says that there are zeros. */
  hole(cookie: bigint, offset: number, length: number, isLast: boolean): void {
    const { bytes, view } = chunk(cookie, CHUNK.OFFSET_HOLE, CHUNK_OFFSET + 4, isLast);
    view.setBigUint64(CHUNK_HEAD, BigInt(offset));
    view.setUint32(CHUNK_HEAD + CHUNK_OFFSET, length);
    this.#output.push(bytes);
  }

  /**
   * The status of blocks in one context.
   *
   * @param descriptors Length and flags of each piece, one after the other.
   */
  status(cookie: bigint, context: number, descriptors: readonly number[], isLast: boolean): void {
    const { bytes, view } = chunk(cookie, CHUNK.BLOCK_STATUS, 4 + 4 * descriptors.length, isLast);
    view.setUint32(CHUNK_HEAD, context);
    descriptors.forEach((value, i) => view.setUint32(CHUNK_HEAD + 4 + 4 * i, value));
    this.#output.push(bytes);
  }

  /** Ends a command that is answered in chunks with an error. */
  failChunk(cookie: bigint, error: number, message: string): void {
    const text = new TextEncoder().encode(message).subarray(0, MAX_MESSAGE);
    const { bytes, view } = chunk(cookie, CHUNK.ERROR, 6 + text.length, true);
    view.setUint32(CHUNK_HEAD, error);
    view.setUint16(CHUNK_HEAD + 4, text.length);
    bytes.set(text, CHUNK_HEAD + 6);
    this.#output.push(bytes);
  }
}

function chunk(cookie: bigint, type: number, length: number, isLast: boolean) {
  const bytes = new Uint8Array(CHUNK_HEAD + length);
  const view = new DataView(bytes.buffer);
  encodeChunkHead(view, 0, { flags: isLast ? CHUNK_DONE : 0, type, cookie, length });
  return { bytes, view };
}
