/**
 * The words of the network block device protocol, fixed newstyle: numbers, and the heads of messages. All
 * integers are big-endian.
 *
 * @see {@link https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md}
 * @module
 */

/** How each kind of message begins. */
export const MAGIC = {
  SERVER: 0x4e42444d41474943n,
  OPTION: 0x49484156454f5054n,
  OPTION_REPLY: 0x0003e889045565a9n,
  REQUEST: 0x25609513,
  SIMPLE_REPLY: 0x67446698,
  CHUNK: 0x668e33ef,
} as const;

/** What the server offers first, and what a client may take of it: the bits are the same. */
export const HANDSHAKE_FLAG = { FIXED_NEWSTYLE: 1, NO_ZEROES: 2 } as const;

/** What a client asks before the transmission. */
export const OPTION = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  STARTTLS: 5,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
  EXTENDED_HEADERS: 11,
} as const;

/** What an option is answered with. */
export const REPLY = {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  ERR_UNSUP: 0x80000001,
  ERR_POLICY: 0x80000002,
  ERR_INVALID: 0x80000003,
  ERR_UNKNOWN: 0x80000006,
  ERR_SHUTDOWN: 0x80000007,
  ERR_TOO_BIG: 0x80000009,
} as const;

/** What is told of an export. */
export const INFO = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const;

/** What may be done with an export. */
export const TRANSMISSION_FLAG = {
  HAS_FLAGS: 1 << 0,
  READ_ONLY: 1 << 1,
  SEND_FLUSH: 1 << 2,
  SEND_FUA: 1 << 3,
  SEND_TRIM: 1 << 5,
  SEND_WRITE_ZEROES: 1 << 6,
  SEND_DF: 1 << 7,
  CAN_MULTI_CONN: 1 << 8,
  SEND_CACHE: 1 << 10,
  SEND_FAST_ZERO: 1 << 11,
} as const;

/** What a client asks of an export. */
export const COMMAND = {
  READ: 0,
  WRITE: 1,
  DISC: 2,
  FLUSH: 3,
  TRIM: 4,
  CACHE: 5,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
} as const;

/** How it asks. */
export const COMMAND_FLAG = {
  FUA: 1 << 0,
  NO_HOLE: 1 << 1,
  DF: 1 << 2,
  REQ_ONE: 1 << 3,
  FAST_ZERO: 1 << 4,
} as const;

/** The pieces of a structured reply. */
export const CHUNK = {
  NONE: 0,
  OFFSET_DATA: 1,
  OFFSET_HOLE: 2,
  BLOCK_STATUS: 5,
  ERROR: 0x8001,
} as const;

/** The piece is the last one. */
export const CHUNK_DONE = 1;

/** Why a command failed. */
export const ERROR = {
  EPERM: 1,
  EIO: 5,
  ENOMEM: 12,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const;

/** What a descriptor of `base:allocation` says. */
export const ALLOCATION = { HOLE: 1, ZERO: 2 } as const;

/** No string may be longer, in bytes. */
export const MAX_STRING = 4096;
/** Of a request, in bytes. */
export const REQUEST_LENGTH = 28;
/** The head of a chunk, in bytes. */
export const CHUNK_HEAD = 20;
/** The head of a simple reply, in bytes. */
export const SIMPLE_REPLY_HEAD = 16;
/** The offset before the data of a content chunk, in bytes. */
export const CHUNK_OFFSET = 8;

/** A request, but for the data that follow a write. */
export interface Request {
  readonly flags: number;
  readonly type: number;
  readonly cookie: bigint;
  /** Bytes; more than 2^53 is as good as any place beyond the end. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** Reads a request; `undefined` if it does not begin as one. */
export function decodeRequest(bytes: Uint8Array): Request | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, REQUEST_LENGTH);
  if (view.getUint32(0) !== MAGIC.REQUEST) return undefined;
  return {
    flags: view.getUint16(4),
    type: view.getUint16(6),
    cookie: view.getBigUint64(8),
    offset: Number(view.getBigUint64(16)),
    length: view.getUint32(24),
  };
}

/** Writes the head of a simple reply. */
export function encodeSimpleReply(target: Uint8Array, error: number, cookie: bigint): void {
  const view = new DataView(target.buffer, target.byteOffset);
  view.setUint32(0, MAGIC.SIMPLE_REPLY);
  view.setUint32(4, error);
  view.setBigUint64(8, cookie);
}

/** A piece of a structured reply, but for its payload. */
export interface ChunkHead {
  readonly flags: number;
  readonly type: number;
  readonly cookie: bigint;
  /** Of the payload, in bytes. */
  readonly length: number;
}

/** Writes the head of a chunk. */
export function encodeChunkHead(
  target: DataView,
  at: number,
  { flags, type, cookie, length }: ChunkHead,
): void {
  target.setUint32(at, MAGIC.CHUNK);
  target.setUint16(at + 4, flags);
  target.setUint16(at + 6, type);
  target.setBigUint64(at + 8, cookie);
  target.setUint32(at + 16, length);
}

/** The answer to an option. */
export function encodeOptionReply(
  option: number,
  type: number,
  payload: Uint8Array = new Uint8Array(),
): Uint8Array<ArrayBuffer> {
  const reply = new Uint8Array(20 + payload.length);
  const view = new DataView(reply.buffer);
  view.setBigUint64(0, MAGIC.OPTION_REPLY);
  view.setUint32(8, option);
  view.setUint32(12, type);
  view.setUint32(16, payload.length);
  reply.set(payload, 20);
  return reply;
}
