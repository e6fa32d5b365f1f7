/**
 * Both directions of a connection: what comes is buffered a little, what goes waits in a bounded queue, so that a
 * client which sends without end, or never reads, costs a fixed amount of memory.
 *
 * @module
 */

const INPUT_LENGTH = 64 * 1024;
/** Replies that are shorter are sent together with what waits beside them. */
const JOINED_LENGTH = 64 * 1024;
/** Bytes that may wait for a client to read them, and for all clients of a server, before more is made. */
const MAX_WAITING = 4 * 1024 * 1024;
const MAX_WAITING_TOGETHER = 32 * 1024 * 1024;
/** What a reply takes beside its bytes, or nearly so: the shortest of them would be far more than they seem. */
const REPLY_OVERHEAD = 256;

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

/** What goes to a client. */
export class Output {
  readonly #connection: Pick<Deno.Conn, "write">;
  readonly #backlog: Backlog;
  #queue: Uint8Array[] = [];
  #waiting = 0;
  #sending: Promise<void> | undefined;
  #failure: Error | undefined;
  /** Those who wait until less waits. */
  #room: (() => void)[] = [];

  constructor(connection: Pick<Deno.Conn, "write">, backlog: Backlog) {
    this.#connection = connection;
    this.#backlog = backlog;
  }

  /** Hands over what is to be sent; it must not be changed any more. */
  push(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#queue.push(bytes);
    this.#count(bytes.length + REPLY_OVERHEAD);
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
        const { bytes, counted } = this.#next();
        for (let done = 0; done < bytes.length;) {
          done += await this.#connection.write(bytes.subarray(done));
        }
        this.#count(-counted);
        this.#wake();
      }
    } catch (error) {
      this.#failure = disconnected(error);
      this.#queue = [];
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

  /** The next message, with those behind it if they are short, and what they were counted as. */
  #next(): { bytes: Uint8Array; counted: number } {
    let count = 0;
    let length = 0;
    for (; count < this.#queue.length; count++) {
      const next = length + this.#queue[count]!.length;
      if (count > 0 && next > JOINED_LENGTH) break;
      length = next;
    }
    const taken = this.#queue.splice(0, count);
    const counted = length + count * REPLY_OVERHEAD;
    if (taken.length === 1) return { bytes: taken[0]!, counted };
    const joined = new Uint8Array(length);
    let at = 0;
    for (const each of taken) {
      joined.set(each, at);
      at += each.length;
    }
    return { bytes: joined, counted };
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
