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
  type ChunkHead,
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
    this.#output.put(SIMPLE_REPLY_HEAD, (reply) => encodeSimpleReply(reply, error, cookie));
  }

  /**
   * Begins the reply to a read that is answered simply, with its first data.
   *
   * @throws What reading fails with; nothing is sent then.
   */
  simpleData(cookie: bigint, offset: number, length: number, read: Read): void {
    this.#output.put(SIMPLE_REPLY_HEAD + length, (reply) => {
      read(reply.subarray(SIMPLE_REPLY_HEAD), offset);
      encodeSimpleReply(reply, 0, cookie);
    });
  }

  /**
   * More data of such a reply.
   *
   * @throws What reading fails with; nothing is sent then.
   */
  moreData(offset: number, length: number, read: Read): void {
    this.#output.put(length, (bytes) => read(bytes, offset));
  }

  /**
   * A chunk of data.
   *
   * @throws What reading fails with; nothing is sent then.
   */
  data(cookie: bigint, offset: number, length: number, read: Read, isLast: boolean): void {
    const head = chunkHead(cookie, CHUNK.OFFSET_DATA, CHUNK_OFFSET + length, isLast);
    this.#chunk(head, (payload, view) => {
      read(payload.subarray(CHUNK_OFFSET), offset);
      view.setBigUint64(0, BigInt(offset));
    });
  }

  /** A chunk that says that there are zeros. */
  hole(cookie: bigint, offset: number, length: number, isLast: boolean): void {
    const head = chunkHead(cookie, CHUNK.OFFSET_HOLE, CHUNK_OFFSET + 4, isLast);
    this.#chunk(head, (_, view) => {
      view.setBigUint64(0, BigInt(offset));
      view.setUint32(CHUNK_OFFSET, length);
    });
  }

  /**
   * The status of blocks in one context.
   *
   * @param descriptors Length and flags of each piece, one after the other.
   */
  status(cookie: bigint, context: number, descriptors: readonly number[], isLast: boolean): void {
    const head = chunkHead(cookie, CHUNK.BLOCK_STATUS, 4 + 4 * descriptors.length, isLast);
    this.#chunk(head, (_, view) => {
      view.setUint32(0, context);
      descriptors.forEach((value, i) => view.setUint32(4 + 4 * i, value));
    });
  }

  /** Ends a command that is answered in chunks with an error. */
  failChunk(cookie: bigint, error: number, message: string): void {
    const text = new TextEncoder().encode(message).subarray(0, MAX_MESSAGE);
    this.#chunk(chunkHead(cookie, CHUNK.ERROR, 6 + text.length, true), (payload, view) => {
      view.setUint32(0, error);
      view.setUint16(4, text.length);
      payload.set(text, 6);
    });
  }

  /** @param fill Writes each byte of the payload. */
  #chunk(head: ChunkHead, fill: (payload: Uint8Array, view: DataView) => void): void {
    this.#output.put(CHUNK_HEAD + head.length, (bytes) => {
      const payload = bytes.subarray(CHUNK_HEAD);
      fill(payload, new DataView(payload.buffer, payload.byteOffset, payload.length));
      encodeChunkHead(new DataView(bytes.buffer, bytes.byteOffset), 0, head);
    });
  }
}

function chunkHead(cookie: bigint, type: number, length: number, isLast: boolean): ChunkHead {
  return { flags: isLast ? CHUNK_DONE : 0, type, cookie, length };
}
