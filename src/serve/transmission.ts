/**
 * The second half of a connection: commands, and what they are answered.
 *
 * Reads and writes are done one after the other, in pieces, as their data go over the wire. What takes long
 * without data (trimming, zeroing) goes on beside them.
 *
 * @module
 */
import { setImmediate } from "node:timers/promises";
import { VirtualDiskError } from "../errors/error.ts";
import type { Session } from "./handshake.ts";
import { MAX_PAYLOAD } from "./handshake.ts";
import {
  CHUNK,
  CHUNK_DONE,
  CHUNK_HEAD,
  CHUNK_OFFSET,
  COMMAND,
  COMMAND_FLAG,
  decodeRequest,
  encodeChunkHead,
  encodeSimpleReply,
  ERROR,
  type Request,
  REQUEST_LENGTH,
  SIMPLE_REPLY_HEAD,
} from "./protocol.ts";
import type { ServedDisk } from "./served_disk.ts";
import { Disconnected, type Input, type Output } from "./wire.ts";

/** Data are moved in pieces of at most so many bytes. */
const PIECE = 1024 * 1024;
/** What must come as one piece may be as long as this, in bytes. */
const MAX_WHOLE = 2 * 1024 * 1024;
/** Shorter zeros are sent as data, in bytes. */
const MIN_HOLE = 4096;
/** Shorter reads are answered with one piece of data, without a look at where the bytes are. */
const MIN_SPLIT = 16 * 1024;
/** Descriptors in the status of blocks, and pieces that are looked at for them. */
const MAX_DESCRIPTORS = 16 * 1024;
const MAX_LOOKED_AT = 64 * 1024;
/** What goes on beside the others, in each connection. */
const MAX_BESIDE = 16;
/** How long the others may wait, in milliseconds. */
const TURN = 10;
/** Zeros that are written, and blocks that are given back, in one go, in bytes. */
const ZERO_PIECE = 8 * 1024 * 1024;
const TRIM_PIECE = 64 * 1024 * 1024;

const { FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO } = COMMAND_FLAG;
/** What a command may be told. Durability may be asked of any. */
const FLAGS: Readonly<Record<number, number>> = {
  [COMMAND.READ]: FUA | DF,
  [COMMAND.WRITE]: FUA,
  [COMMAND.FLUSH]: FUA,
  [COMMAND.TRIM]: FUA,
  [COMMAND.CACHE]: FUA,
  [COMMAND.WRITE_ZEROES]: FUA | NO_HOLE | FAST_ZERO,
  [COMMAND.BLOCK_STATUS]: FUA | REQ_ONE,
};
const WRITING: readonly number[] = [COMMAND.WRITE, COMMAND.TRIM, COMMAND.WRITE_ZEROES];

/** A command cannot be done: the number tells the client why. */
class CommandError extends Error {
  readonly number: number;

  constructor(number: number, message: string) {
    super(message);
    this.number = number;
  }
}

/** What a transmission tells of itself. */
export interface TransmissionHooks {
  /** Whether the server ends: what comes now is refused. */
  isEnding(): boolean;
  /** The disk could not do what it was asked. */
  onFailure(error: unknown): void;
}

/** One client that uses one disk. */
export class Transmission {
  readonly #input: Input;
  readonly #output: Output;
  readonly #session: Session;
  readonly #hooks: TransmissionHooks;
  readonly #beside = new Set<Promise<void>>();
  #lastTurn = performance.now();
  #piece: Uint8Array<ArrayBuffer> | undefined;

  constructor(input: Input, output: Output, session: Session, hooks: TransmissionHooks) {
    this.#input = input;
    this.#output = output;
    this.#session = session;
    this.#hooks = hooks;
  }

  /**
   * Answers until the client takes leave.
   *
   * @throws {Disconnected} If it does not keep to the protocol, or is gone.
   */
  async run(): Promise<void> {
    const input = this.#input;
    try {
      while (input.has(REQUEST_LENGTH) || await input.wait(REQUEST_LENGTH)) {
        const request = decodeRequest(input.take(REQUEST_LENGTH));
        if (request === undefined) throw new Disconnected("a request does not begin as one");
        if (request.type === COMMAND.DISC) return;
        if (!this.#output.hasRoom) await this.#output.room();
        const pending = this.#answer(request);
        if (pending !== undefined) await pending;
        if (performance.now() - this.#lastTurn > TURN) await this.#turn();
      }
    } finally {
      await this.settle();
    }
  }

  /** Waits for what goes on beside the others. */
  async settle(): Promise<void> {
    await Promise.all(this.#beside);
  }

  /** A promise only if there is something to wait for. */
  #answer(request: Request): Promise<void> | undefined {
    if (request.type === COMMAND.WRITE) return this.#write(request);
    try {
      this.#assertAllowed(request);
      switch (request.type) {
        case COMMAND.READ:
          return this.#read(request);
        case COMMAND.FLUSH:
          this.#flush();
          return void this.#succeed(request);
        case COMMAND.CACHE:
          return void this.#succeed(request);
        case COMMAND.BLOCK_STATUS:
          return void this.#blockStatus(request);
        default:
          return this.#startBeside(request);
      }
    } catch (error) {
      return void this.#fail(request, error);
    }
  }

  #assertAllowed({ type, flags, offset, length }: Request): void {
    if (this.#hooks.isEnding()) throw new CommandError(ERROR.ESHUTDOWN, "the server ends");
    const { disk, isStructured } = this.#session;
    const allowed = Object.hasOwn(FLAGS, type) ? FLAGS[type]! : undefined;
    if (allowed === undefined) {
      throw new CommandError(ERROR.EINVAL, `command ${type} is not known here`);
    }
    if ((flags & ~allowed) !== 0 || (flags & DF) !== 0 && !isStructured) {
      throw new CommandError(ERROR.EINVAL, `the flags ${flags} are not those of command ${type}`);
    }
    if (type === COMMAND.FLUSH) return;
    if (disk.readOnly && WRITING.includes(type)) {
      throw new CommandError(ERROR.EPERM, "the disk is served for reading");
    }
    const isPlaced = type === COMMAND.WRITE || type === COMMAND.WRITE_ZEROES;
    if (offset + length > disk.size) {
      throw new CommandError(
        isPlaced ? ERROR.ENOSPC : ERROR.EINVAL,
        `the disk ends after ${disk.size} bytes`,
      );
    }
    if (length === 0) throw new CommandError(ERROR.EINVAL, "the length is 0");
    if (length > MAX_PAYLOAD && (type === COMMAND.READ || type === COMMAND.WRITE)) {
      throw new CommandError(ERROR.EOVERFLOW, `at most ${MAX_PAYLOAD} bytes at a time`);
    }
  }

  #read(request: Request): Promise<void> | undefined {
    const { isStructured } = this.#session;
    const { length, flags } = request;
    if (!isStructured) return this.#readSimple(request);
    if (length < MIN_SPLIT || (flags & DF) !== 0) {
      if (length > MAX_WHOLE) {
        throw new CommandError(ERROR.EOVERFLOW, `at most ${MAX_WHOLE} bytes come in one piece`);
      }
      return void this.#sendData(request, request.offset, length, true);
    }
    return this.#readChunks(request);
  }

  /** The answer says first whether it is a success: of a long one that fails later only the end can tell. */
  #readSimple({ cookie, offset, length }: Request): Promise<void> | undefined {
    const { disk } = this.#session.disk;
    const first = Math.min(length, MAX_WHOLE);
    const reply = new Uint8Array(SIMPLE_REPLY_HEAD + first);
    disk.readSync(reply.subarray(SIMPLE_REPLY_HEAD), offset);
    encodeSimpleReply(reply, 0, cookie);
    this.#output.push(reply);
    return first < length ? this.#readRest(offset + first, offset + length) : undefined;
  }

  async #readRest(start: number, end: number): Promise<void> {
    for (let at = start; at < end;) {
      await this.#output.room();
      const piece = new Uint8Array(Math.min(PIECE, end - at));
      try {
        this.#session.disk.disk.readSync(piece, at);
      } catch (error) {
        this.#hooks.onFailure(error);
        throw new Disconnected("a read failed after its answer had begun", { cause: error });
      }
      this.#output.push(piece);
      at += piece.length;
    }
  }

  async #readChunks(request: Request): Promise<void> {
    const { offset, length } = request;
    const end = offset + length;
    try {
      for (const { isHole, start, stop } of pieces(this.#session.disk, offset, end)) {
        if (isHole) {
          this.#sendHole(request, start, stop - start, stop === end);
          continue;
        }
        for (let at = start; at < stop;) {
          if (!this.#output.hasRoom) await this.#output.room();
          const size = Math.min(PIECE, stop - at);
          this.#sendData(request, at, size, at + size === end);
          at += size;
        }
      }
    } catch (error) {
      if (error instanceof Disconnected) throw error;
      this.#fail(request, error);
    }
  }

  #sendData({ cookie }: Request, offset: number, length: number, isLast: boolean): void {
    const chunk = new Uint8Array(CHUNK_HEAD + CHUNK_OFFSET + length);
    this.#session.disk.disk.readSync(chunk.subarray(CHUNK_HEAD + CHUNK_OFFSET), offset);
    const view = new DataView(chunk.buffer);
    const flags = isLast ? CHUNK_DONE : 0;
    const type = CHUNK.OFFSET_DATA;
    encodeChunkHead(view, 0, { flags, type, cookie, length: CHUNK_OFFSET + length });
    view.setBigUint64(CHUNK_HEAD, BigInt(offset));
    this.#output.push(chunk);
  }

  #sendHole({ cookie }: Request, offset: number, length: number, isLast: boolean): void {
    const payload = CHUNK_OFFSET + 4;
    const chunk = new Uint8Array(CHUNK_HEAD + payload);
    const view = new DataView(chunk.buffer);
    const flags = isLast ? CHUNK_DONE : 0;
    encodeChunkHead(view, 0, { flags, type: CHUNK.OFFSET_HOLE, cookie, length: payload });
    view.setBigUint64(CHUNK_HEAD, BigInt(offset));
    view.setUint32(CHUNK_HEAD + CHUNK_OFFSET, length);
    this.#output.push(chunk);
  }

  /** What has arrived already is written at once; the rest as it comes. The data are read in any case. */
  #write(request: Request): Promise<void> | undefined {
    const { offset, length } = request;
    try {
      this.#assertAllowed(request);
    } catch (error) {
      return this.#refuseWrite(request, error, length);
    }
    if (!this.#input.has(length)) return this.#writeAsItComes(request);
    try {
      this.#session.disk.disk.writeSync(this.#input.take(length), offset);
      return void this.#finish(request);
    } catch (error) {
      return void this.#fail(request, error);
    }
  }

  async #writeAsItComes(request: Request): Promise<void> {
    const { offset, length } = request;
    const end = offset + length;
    this.#piece ??= new Uint8Array(PIECE);
    for (let at = offset; at < end;) {
      const piece = this.#piece.subarray(0, Math.min(PIECE - at % PIECE, end - at));
      await this.#input.fill(piece);
      this.#lastTurn = performance.now();
      at += piece.length;
      try {
        this.#session.disk.disk.writeSync(piece, at - piece.length);
      } catch (error) {
        return await this.#refuseWrite(request, error, end - at);
      }
    }
    try {
      this.#finish(request);
    } catch (error) {
      this.#fail(request, error);
    }
  }

  async #refuseWrite(request: Request, error: unknown, unread: number): Promise<void> {
    await this.#input.skip(unread);
    this.#fail(request, error);
  }

  #startBeside(request: Request): Promise<void> | undefined {
    const { disk } = this.#session;
    const { type, flags, offset, length } = request;
    if ((flags & FAST_ZERO) !== 0 && !disk.zeroesFast(offset, length)) {
      throw new CommandError(ERROR.ENOTSUP, "zeros would have to be written");
    }
    const task = (type === COMMAND.TRIM ? this.#trim(request) : this.#writeZeroes(request))
      .then(() => this.#finish(request))
      .catch((error) => this.#fail(request, error))
      .finally(() => this.#beside.delete(task));
    this.#beside.add(task);
    return this.#beside.size < MAX_BESIDE ? undefined : Promise.race(this.#beside);
  }

  async #trim({ offset, length }: Request): Promise<void> {
    const { disk, reclaimableBlock } = this.#session.disk;
    if (reclaimableBlock === 0) return;
    // A block is given back as a whole only if it lies in one piece.
    const step = Math.max(TRIM_PIECE, reclaimableBlock);
    for (const [start, end] of steps(offset, offset + length, step)) {
      disk.trimSync(start, end - start);
      await this.#turnIfDue();
    }
  }

  async #writeZeroes({ flags, offset, length }: Request): Promise<void> {
    const { disk, reclaimableBlock: block } = this.#session.disk;
    const end = offset + length;
    const options = { allocate: (flags & NO_HOLE) !== 0 };
    const isWritten = block === 0 || options.allocate;
    const first = isWritten ? end : Math.min(end, Math.ceil(offset / block) * block);
    const last = end === this.#session.disk.size ? end : Math.floor(end / block) * block;
    const parts = [
      ...steps(offset, first, ZERO_PIECE),
      ...isWritten ? [] : steps(first, Math.max(first, last), Math.max(TRIM_PIECE, block)),
      ...isWritten ? [] : steps(Math.max(first, last), end, ZERO_PIECE),
    ];
    for (const [start, stop] of parts) {
      disk.zeroSync(start, stop - start, options);
      await this.#turnIfDue();
    }
  }

  /** Exactly one chunk for each context that was chosen. */
  #blockStatus(request: Request): void {
    const { disk, contexts } = this.#session;
    if (contexts.length === 0) {
      throw new CommandError(ERROR.EINVAL, "no context was chosen");
    }
    const { cookie, flags, offset, length } = request;
    const maximum = (flags & REQ_ONE) !== 0 ? 1 : MAX_DESCRIPTORS;
    const found = contexts.map((): number[] => []);
    const full = contexts.map(() => false);
    let lookedAt = 0;
    for (const extent of disk.disk.extents({ offset, length })) {
      contexts.forEach((context, i) => {
        if (full[i]) return;
        const list = found[i]!;
        const value = context.describe(disk, extent);
        if (list.at(-1) === value) list[list.length - 2]! += extent.length;
        else if (list.length < 2 * maximum) list.push(extent.length, value);
        else full[i] = true;
      });
      if (full.every(Boolean) || ++lookedAt === MAX_LOOKED_AT) break;
    }
    contexts.forEach(({ id }, i) => {
      const list = found[i]!;
      const payload = 4 + 4 * list.length;
      const chunk = new Uint8Array(CHUNK_HEAD + payload);
      const view = new DataView(chunk.buffer);
      const chunkFlags = i === contexts.length - 1 ? CHUNK_DONE : 0;
      const type = CHUNK.BLOCK_STATUS;
      encodeChunkHead(view, 0, { flags: chunkFlags, type, cookie, length: payload });
      view.setUint32(CHUNK_HEAD, id);
      list.forEach((value, j) => view.setUint32(CHUNK_HEAD + 4 + 4 * j, value));
      this.#output.push(chunk);
    });
  }

  #finish(request: Request): void {
    if ((request.flags & FUA) !== 0) this.#flush();
    this.#succeed(request);
  }

  #flush(): void {
    const { disk } = this.#session;
    if (!disk.readOnly) disk.disk.flushSync();
  }

  #succeed({ cookie }: Request): void {
    const reply = new Uint8Array(SIMPLE_REPLY_HEAD);
    encodeSimpleReply(reply, 0, cookie);
    this.#output.push(reply);
  }

  #fail({ type, cookie }: Request, error: unknown): void {
    if (!(error instanceof CommandError)) this.#hooks.onFailure(error);
    const number = numberOf(error);
    const mustBeChunks = type === COMMAND.READ || type === COMMAND.BLOCK_STATUS;
    if (!this.#session.isStructured || !mustBeChunks) {
      const reply = new Uint8Array(SIMPLE_REPLY_HEAD);
      encodeSimpleReply(reply, number, cookie);
      return this.#output.push(reply);
    }
    const message = new TextEncoder().encode(messageOf(error)).subarray(0, MAX_MESSAGE);
    const payload = 6 + message.length;
    const chunk = new Uint8Array(CHUNK_HEAD + payload);
    const view = new DataView(chunk.buffer);
    encodeChunkHead(view, 0, { flags: CHUNK_DONE, type: CHUNK.ERROR, cookie, length: payload });
    view.setUint32(CHUNK_HEAD, number);
    view.setUint16(CHUNK_HEAD + 4, message.length);
    chunk.set(message, CHUNK_HEAD + 6);
    this.#output.push(chunk);
  }

  async #turnIfDue(): Promise<void> {
    if (performance.now() - this.#lastTurn > TURN) await this.#turn();
  }

  async #turn(): Promise<void> {
    await setImmediate();
    this.#lastTurn = performance.now();
  }
}

const MAX_MESSAGE = 1024;

/** A range in pieces that end at multiples of `step`. */
function* steps(start: number, end: number, step: number): Generator<[number, number]> {
  for (let at = start; at < end;) {
    const next = Math.min(end, at + step - at % step);
    yield [at, next];
    at = next;
  }
}

/** A range in holes and what lies between them, in order. Short holes count as data. */
function* pieces(
  { disk }: ServedDisk,
  offset: number,
  end: number,
): Generator<{ isHole: boolean; start: number; stop: number }> {
  let start = offset;
  for (const extent of disk.extents({ offset, length: end - offset })) {
    if (extent.kind !== "zero" || extent.length < MIN_HOLE) continue;
    if (start < extent.offset) yield { isHole: false, start, stop: extent.offset };
    start = extent.offset + extent.length;
    yield { isHole: true, start: extent.offset, stop: start };
  }
  if (start < end) yield { isHole: false, start, stop: end };
}

function numberOf(error: unknown): number {
  if (error instanceof CommandError) return error.number;
  if (!(error instanceof VirtualDiskError)) {
    return error instanceof Deno.errors.NotCapable ? ERROR.EPERM : ERROR.EIO;
  }
  switch (error.symbol) {
    case "ERROR_DISK_FULL":
    case "ERROR_VHD_BLOCK_ALLOCATION_FAILURE":
      return ERROR.ENOSPC;
    case "ERROR_ACCESS_DENIED":
    case "ERROR_WRITE_PROTECT":
      return ERROR.EPERM;
    default:
      return ERROR.EIO;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
