/**
 * Both directions of a connection: what comes is buffered a little, what goes waits in a bounded queue, so that a
 * client which sends without end, or never reads, costs a fixed amount of memory.
 *
 * @module
 */

const INPUT_LENGTH = 64 * 1024;
/** Replies are put together in batches of this length; those that are longer than half of it go by themselves. */
const BATCH_LENGTH = 64 * 1024;
/** The memory of a reply that goes by itself: a piece of data and its head. Few are longer. */
const LONG_LENGTH = 256 * 1024 + 64;
/** How many of either kind are kept to be used again: new memory is filled with zeros, and costs a collection. */
const MAX_SPARE = 4;
/** Bytes that may wait for a client to read them, and for all clients of a server, before more is made. */
const MAX_WAITING = 1 * 1024 * 1024;
const MAX_WAITING_TOGETHER = 32 * 1024 * 1024;
/** The other side is gone, in the middle of something. */
export class Disconnected extends Error {
  override readonly name = "Disconnected";
}

/** What comes from a client. */
export class Input {
  readonly #connection: Pick<Deno.Conn, "read">;
  readonly #buffer = new Uint8Array(INPUT_LENGTH);
  #start = 0;
  #end = 0;

  constructor(connection: Pick<Deno.Conn, "read">) {
    this.#connection = connection;
  }

  /** Whether so many bytes can be taken without waiting. */
  has(count: number): boolean {
    return this.#end - this.#start >= count;
  }

  /**
   * Waits for so many bytes, at most 64 KiB.
   *
   * @returns Whether they are there; `false` if the client has ended the connection before the first of them.
   * @throws {Disconnected} If it has ended it later.
   */
  async wait(count: number): Promise<boolean> {
    while (!this.has(count)) {
      if (this.#start > 0) {
        this.#buffer.copyWithin(0, this.#start, this.#end);
        this.#end -= this.#start;
        this.#start = 0;
      }
      const read = await this.#read(this.#buffer.subarray(this.#end));
      if (read === null) {
        if (this.#end === this.#start) return false;
        throw new Disconnected("the client ended the connection within a message");
      }
      this.#end += read;
    }
    return true;
  }

  /** So many bytes, which {@linkcode wait} has found: they are good until it is called again. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const taken = this.#buffer.subarray(this.#start, this.#start + count);
    this.#start += count;
    return taken;
  }

  /**
   * Fills `target`.
   *
   * @throws {Disconnected} If the client ends the connection before.
   */
  async fill(target: Uint8Array): Promise<void> {
    const buffered = Math.min(target.length, this.#end - this.#start);
    target.set(this.take(buffered));
    for (let done = buffered; done < target.length;) {
      const read = await this.#read(target.subarray(done));
      if (read === null) throw new Disconnected("the client ended the connection within its data");
      done += read;
    }
  }

  /** Reads past so many bytes. */
  async skip(count: number): Promise<void> {
    let left = count - this.take(Math.min(count, this.#end - this.#start)).length;
    while (left > 0) {
      const read = await this.#read(this.#buffer.subarray(0, Math.min(left, INPUT_LENGTH)));
      if (read === null) throw new Disconnected("the client ended the connection within its data");
      left -= read;
    }
  }

  async #read(target: Uint8Array): Promise<number | null> {
    try {
      return await this.#connection.read(target);
    } catch (error) {
      throw disconnected(error);
    }
  }
}

/** What waits for the clients of a server together, in bytes. */
export interface Backlog {
  bytes: number;
}

/** Replies that are sent together. */
interface Batch {
  readonly buffer: Uint8Array<ArrayBuffer>;
  /** How much of it is used. */
  length: number;
}

/** What goes to a client. */
export class Output {
  readonly #connection: Pick<Deno.Conn, "write">;
  readonly #backlog: Backlog;
  #queue: Batch[] = [];
  /** The last of them, while it takes more. */
  #open: Batch | undefined;
  /** What has been sent is used again: memory of either length. */
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  readonly #longSpare: Uint8Array<ArrayBuffer>[] = [];
  #waiting = 0;
  #sending: Promise<void> | undefined;
  #failure: Error | undefined;
  /** Those who wait until less waits. */
  #room: (() => void)[] = [];

  constructor(connection: Pick<Deno.Conn, "write">, backlog: Backlog) {
    this.#connection = connection;
    this.#backlog = backlog;
  }

  /**
   * Adds a reply.
   *
   * @param length In bytes.
   * @param fill Writes each of them, at once. If it fails there is no reply.
   */
  put(length: number, fill: (bytes: Uint8Array<ArrayBuffer>) => void): void {
    if (this.#failure !== undefined) return;
    const batch = this.#batchFor(length);
    fill(batch.buffer.subarray(batch.length, batch.length + length));
    if (batch !== this.#open) {
      this.#queue.push(batch);
      this.#open = batch;
    }
    batch.length += length;
    this.#count(length);
    this.#sending ??= this.#send();
  }

  /**
   * Whether more may be made: see {@linkcode room}. Who waits for nothing may always get a reply, whatever others leave
   * unread.
   */
  get hasRoom(): boolean {
    return this.#waiting === 0 ||
      this.#waiting < MAX_WAITING && this.#backlog.bytes < MAX_WAITING_TOGETHER;
  }

  /**
   * Waits until the client has read enough for more to be made.
   *
   * @throws {Disconnected} If it is gone.
   */
  async room(): Promise<void> {
    while (this.#failure === undefined && !this.hasRoom) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits until everything is sent, or cannot be. */
  async drain(): Promise<void> {
    while (this.#sending !== undefined) await this.#sending;
  }

  async #send(): Promise<void> {
    // What else is made in this turn goes along.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0) {
        const batch = this.#queue.shift()!;
        if (batch === this.#open) this.#open = undefined;
        const bytes = batch.buffer.subarray(0, batch.length);
        for (let done = 0; done < bytes.length;) {
          done += await this.#connection.write(bytes.subarray(done));
        }
        this.#count(-batch.length);
        this.#keep(batch.buffer);
        this.#wake();
      }
    } catch (error) {
      this.#failure = disconnected(error);
      this.#queue = [];
      this.#open = undefined;
      this.#count(-this.#waiting);
    } finally {
      this.#sending = undefined;
      this.#wake();
    }
  }

  #count(bytes: number): void {
    this.#waiting += bytes;
    this.#backlog.bytes += bytes;
  }

  /** One with so much room: the open one, or a new one. */
  #batchFor(length: number): Batch {
    const open = this.#open;
    if (open !== undefined && open.length + length <= open.buffer.length) return open;
    const isLong = length > BATCH_LENGTH / 2;
    if (length > LONG_LENGTH) return { buffer: new Uint8Array(length), length: 0 };
    const buffer = isLong
      ? this.#longSpare.pop() ?? new Uint8Array(LONG_LENGTH)
      : this.#spare.pop() ?? new Uint8Array(BATCH_LENGTH);
    return { buffer, length: 0 };
  }

  #keep(buffer: Uint8Array<ArrayBuffer>): void {
    const { length } = buffer;
    const spare = length === BATCH_LENGTH
      ? this.#spare
      : length === LONG_LENGTH
      ? this.#longSpare
      : undefined;
    if (spare !== undefined && spare.length < MAX_SPARE) spare.push(buffer);
  }

  #wake(): void {
    const waiting = this.#room;
    this.#room = [];
    for (const resolve of waiting) resolve();
  }
}

function disconnected(error: unknown): Disconnected {
  return new Disconnected("the connection is broken", { cause: error });
}
