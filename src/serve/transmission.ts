/**
 * The second half of a connection: commands, and what they are answered.
 *
 * Reads and writes are done one after the other, in pieces, as their data go over the wire. What takes long
 * without data (trimming, zeroing) goes on beside them.
 *
 * @module
 */
import { nextTurn } from "../disk/pause.ts";
import { assertAllowed, CommandError, messageOf, numberOf } from "./command_rules.ts";
import type { Session } from "./handshake.ts";
import {
  COMMAND,
  COMMAND_FLAG,
  decodeRequest,
  ERROR,
  type Request,
  REQUEST_LENGTH,
} from "./protocol.ts";
import { Replies } from "./replies.ts";
import type { ServedDisk } from "./served_disk.ts";
import { Disconnected, type Input, type Output } from "./wire.ts";

/** Data are moved in pieces of at most so many bytes. */
const PIECE = 256 * 1024;
/** What must come as one piece may be as long as this, in bytes. */
const MAX_WHOLE = 1024 * 1024;
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
  readonly #replies: Replies;
  readonly #session: Session;
  readonly #hooks: TransmissionHooks;
  readonly #beside = new Set<Promise<void>>();
  #lastTurn = performance.now();
  #piece: Uint8Array<ArrayBuffer> | undefined;

  constructor(input: Input, output: Output, session: Session, hooks: TransmissionHooks) {
    this.#input = input;
    this.#output = output;
    this.#replies = new Replies(output);
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

  readonly #reader = (buffer: Uint8Array, offset: number): void => {
    this.#session.disk.disk.readSync(buffer, offset);
  };

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
          return void this.#replies.end(request.cookie, 0);
        case COMMAND.CACHE:
          return void this.#replies.end(request.cookie, 0);
        case COMMAND.BLOCK_STATUS:
          return void this.#blockStatus(request);
        default:
          return this.#startBeside(request);
      }
    } catch (error) {
      return void this.#fail(request, error);
    }
  }

  #assertAllowed(request: Request): void {
    if (this.#hooks.isEnding()) throw new CommandError(ERROR.ESHUTDOWN, "the server ends");
    assertAllowed(request, this.#session);
  }

  #read(request: Request): Promise<void> | undefined {
    const { isStructured } = this.#session;
    const { length, flags } = request;
    if (!isStructured) return this.#readSimple(request);
    if (length < MIN_SPLIT || (flags & DF) !== 0) {
      if (length > MAX_WHOLE) {
        throw new CommandError(ERROR.EOVERFLOW, `at most ${MAX_WHOLE} bytes come in one piece`);
      }
      return void this.#replies.data(
        request.cookie,
        request.offset,
        length,
        this.#reader,
        true,
      );
    }
    return this.#readChunks(request);
  }

  /** The answer says first whether it is a success: of a long one that fails later only the end can tell. */
  #readSimple({ cookie, offset, length }: Request): Promise<void> | undefined {
    const first = Math.min(length, MAX_WHOLE);
    this.#replies.simpleData(cookie, offset, first, this.#reader);
    return first < length ? this.#readRest(offset + first, offset + length) : undefined;
  }

  async #readRest(start: number, end: number): Promise<void> {
    for (let at = start; at < end;) {
      await this.#output.room();
      const length = Math.min(PIECE, end - at);
      try {
        this.#replies.moreData(at, length, this.#reader);
      } catch (error) {
        this.#hooks.onFailure(error);
        throw new Disconnected("a read failed after its answer had begun", { cause: error });
      }
      at += length;
    }
  }

  async #readChunks(request: Request): Promise<void> {
    const { offset, length } = request;
    const end = offset + length;
    try {
      for (const { isHole, start, stop } of pieces(this.#session.disk, offset, end)) {
        if (isHole) {
          this.#replies.hole(request.cookie, start, stop - start, stop === end);
          continue;
        }
        for (let at = start; at < stop;) {
          if (!this.#output.hasRoom) await this.#output.room();
          const size = Math.min(PIECE, stop - at);
          this.#replies.data(request.cookie, at, size, this.#reader, at + size === end);
          at += size;
        }
      }
    } catch (error) {
      if (error instanceof Disconnected) throw error;
      this.#fail(request, error);
    }
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
    const { disk: served } = this.#session;
    const end = offset + length;
    const options = { allocate: (flags & NO_HOLE) !== 0 };
    const [first, last] = options.allocate ? [end, end] : served.wholeBlocks(offset, end);
    const parts = [
      ...steps(offset, first, ZERO_PIECE),
      ...steps(first, last, Math.max(TRIM_PIECE, served.reclaimableBlock)),
      ...steps(last, end, ZERO_PIECE),
    ];
    for (const [start, stop] of parts) {
      served.disk.zeroSync(start, stop - start, options);
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
    contexts.forEach(({ id }, i) =>
      this.#replies.status(cookie, id, found[i]!, i === contexts.length - 1)
    );
  }

  #finish(request: Request): void {
    if ((request.flags & FUA) !== 0) this.#flush();
    this.#replies.end(request.cookie, 0);
  }

  #flush(): void {
    const { disk } = this.#session;
    if (!disk.readOnly) disk.disk.flushSync();
  }

  #fail({ type, cookie }: Request, error: unknown): void {
    if (!(error instanceof CommandError)) this.#hooks.onFailure(error);
    const mustBeChunks = type === COMMAND.READ || type === COMMAND.BLOCK_STATUS;
    if (this.#session.isStructured && mustBeChunks) {
      this.#replies.failChunk(cookie, numberOf(error), messageOf(error));
    } else this.#replies.end(cookie, numberOf(error));
  }

  async #turnIfDue(): Promise<void> {
    if (performance.now() - this.#lastTurn > TURN) await this.#turn();
  }

  async #turn(): Promise<void> {
    await nextTurn();
    this.#lastTurn = performance.now();
  }
}

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
