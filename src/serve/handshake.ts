/**
 * The first half of a connection: the client asks what there is, agrees on how to talk, and chooses a disk.
 *
 * @module
 */
import { joined } from "../bytes/joined.ts";
import {
  encodeOptionReply,
  HANDSHAKE_FLAG,
  INFO,
  MAGIC,
  MAX_STRING,
  OPTION,
  REPLY,
} from "./protocol.ts";
import { type Context, CONTEXTS, type ServedDisk } from "./served_disk.ts";
import { Disconnected, type Input, type Output } from "./wire.ts";

/** Nobody needs more, in bytes. What is longer is read past, up to the second bound. */
const MAX_OPTION_LENGTH = 32 * 1024;
const MAX_SKIPPED = 1024 * 1024;
/** Nobody needs more questions. */
const MAX_OPTIONS = 1000;
const OPTION_HEAD = 16;
const EXPORT_NAME_PADDING = 124;
/** What a reply may carry, and a request too, in bytes. */
export const MAX_PAYLOAD = 32 * 1024 * 1024;
const BLOCK_SIZE = { minimum: 1, preferred: 4096 };

/** What was agreed on. */
export interface Session {
  readonly disk: ServedDisk;
  /** Whether replies are made of chunks. */
  readonly isStructured: boolean;
  /** What is told with the status of blocks. */
  readonly contexts: readonly Context[];
}

/** The data of an option are not what they should be: told to the client. */
class OptionError extends Error {
  readonly reply: number;

  constructor(reply: number, message: string) {
    super(message);
    this.reply = reply;
  }
}

/** One negotiation. */
export class Handshake {
  readonly #input: Input;
  readonly #output: Output;
  readonly #disks: ReadonlyMap<string, ServedDisk>;
  #isStructured = false;
  #selection: { disk: ServedDisk; contexts: readonly Context[] } | undefined;

  /** @param disks By name. The first one has the empty name too. */
  constructor(input: Input, output: Output, disks: ReadonlyMap<string, ServedDisk>) {
    this.#input = input;
    this.#output = output;
    this.#disks = disks;
  }

  /**
   * Goes through the options.
   *
   * @returns What was agreed on; `undefined` if the client has taken leave.
   * @throws {Disconnected} If it does not keep to the protocol, or is gone.
   */
  async run(): Promise<Session | undefined> {
    this.#push(greeting());
    if (!await this.#input.wait(4)) return undefined;
    const clientFlags = viewOf(this.#input.take(4)).getUint32(0);
    const known = HANDSHAKE_FLAG.FIXED_NEWSTYLE | HANDSHAKE_FLAG.NO_ZEROES;
    if ((clientFlags & ~known) !== 0) throw new Disconnected("the client set unknown flags");
    for (let i = 0; i < MAX_OPTIONS; i++) {
      if (!await this.#input.wait(OPTION_HEAD)) return undefined;
      const head = viewOf(this.#input.take(OPTION_HEAD));
      if (head.getBigUint64(0) !== MAGIC.OPTION) {
        throw new Disconnected("an option does not begin as one");
      }
      const option = head.getUint32(8);
      const data = await this.#data(head.getUint32(12));
      if (option === OPTION.EXPORT_NAME) {
        return this.#exportName(data, (clientFlags & HANDSHAKE_FLAG.NO_ZEROES) === 0);
      }
      if ((clientFlags & HANDSHAKE_FLAG.FIXED_NEWSTYLE) === 0) {
        throw new Disconnected("the client has options without the fixed newstyle");
      }
      if (option === OPTION.ABORT) {
        this.#reply(option, REPLY.ACK);
        return undefined;
      }
      const session = this.#answer(option, data);
      if (session !== undefined) return session;
      await this.#output.room();
    }
    throw new Disconnected("the client has asked too often");
  }

  /** `undefined` if they are too long. */
  async #data(length: number): Promise<Uint8Array | undefined> {
    if (length > MAX_SKIPPED) throw new Disconnected("an option is far too long");
    if (length > MAX_OPTION_LENGTH) {
      await this.#input.skip(length);
      return undefined;
    }
    if (length > 0 && !await this.#input.wait(length)) {
      throw new Disconnected("the client ended the connection within an option");
    }
    return this.#input.take(length).slice();
  }

  /** The oldest way to choose: there is no answer but yes. */
  #exportName(data: Uint8Array | undefined, isPadded: boolean): Session {
    const disk = data && this.#find(text(data));
    if (!disk) throw new Disconnected("there is no disk of that name");
    const reply = new Uint8Array(10 + (isPadded ? EXPORT_NAME_PADDING : 0));
    const view = viewOf(reply);
    view.setBigUint64(0, BigInt(disk.size));
    view.setUint16(8, disk.flags(this.#isStructured));
    this.#push(reply);
    return this.#session(disk);
  }

  #answer(option: number, data: Uint8Array | undefined): Session | undefined {
    try {
      if (data === undefined) {
        throw new OptionError(REPLY.ERR_TOO_BIG, `at most ${MAX_OPTION_LENGTH} bytes are read`);
      }
      return this.#answerData(option, new OptionData(data));
    } catch (error) {
      if (!(error instanceof OptionError)) throw error;
      if (option === OPTION.SET_META_CONTEXT) this.#selection = undefined;
      this.#reply(option, error.reply, bytesOf(error.message));
      return undefined;
    }
  }

  #answerData(option: number, data: OptionData): Session | undefined {
    switch (option) {
      case OPTION.LIST:
        data.end();
        for (const { name, description } of this.#disks.values()) {
          this.#reply(option, REPLY.SERVER, joined(withLength(name), bytesOf(description)));
        }
        return void this.#reply(option, REPLY.ACK);
      case OPTION.INFO:
      case OPTION.GO:
        return this.#info(option, data);
      case OPTION.STRUCTURED_REPLY:
        data.end();
        this.#isStructured = true;
        return void this.#reply(option, REPLY.ACK);
      case OPTION.LIST_META_CONTEXT:
      case OPTION.SET_META_CONTEXT:
        return this.#metaContexts(option, data);
      case OPTION.STARTTLS:
        throw new OptionError(
          REPLY.ERR_POLICY,
          "this server has no TLS: put a tunnel in front of it, for example ssh -L or stunnel",
        );
      default:
        throw new OptionError(REPLY.ERR_UNSUP, `option ${option} is not known here`);
    }
  }

  #info(option: number, data: OptionData): Session | undefined {
    const disk = this.#known(data.string());
    const asked = new Set(data.list16());
    data.end();
    const exported = new Uint8Array(12);
    viewOf(exported).setUint16(0, INFO.EXPORT);
    viewOf(exported).setBigUint64(2, BigInt(disk.size));
    viewOf(exported).setUint16(10, disk.flags(this.#isStructured));
    this.#reply(option, REPLY.INFO, exported);
    const told = [[INFO.NAME, disk.name], [INFO.DESCRIPTION, disk.description]] as const;
    for (const [kind, value] of told) {
      if (asked.has(kind)) {
        this.#reply(option, REPLY.INFO, joined(new Uint8Array([0, kind]), bytesOf(value)));
      }
    }
    const sizes = new Uint8Array(14);
    viewOf(sizes).setUint16(0, INFO.BLOCK_SIZE);
    viewOf(sizes).setUint32(2, BLOCK_SIZE.minimum);
    viewOf(sizes).setUint32(6, BLOCK_SIZE.preferred);
    viewOf(sizes).setUint32(10, MAX_PAYLOAD);
    this.#reply(option, REPLY.INFO, sizes);
    this.#reply(option, REPLY.ACK);
    return option === OPTION.GO ? this.#session(disk) : undefined;
  }

  #metaContexts(option: number, data: OptionData): undefined {
    if (option === OPTION.SET_META_CONTEXT) this.#selection = undefined;
    if (!this.#isStructured) {
      throw new OptionError(REPLY.ERR_INVALID, "structured replies must be agreed on first");
    }
    const name = data.string();
    const queries = data.strings32();
    data.end();
    const disk = this.#known(name);
    const isList = option === OPTION.LIST_META_CONTEXT;
    const contexts = CONTEXTS.filter((context) => isChosen(context.name, queries, isList));
    for (const { id, name } of contexts) {
      const reply = new Uint8Array(4);
      if (!isList) viewOf(reply).setUint32(0, id);
      this.#reply(option, REPLY.META_CONTEXT, joined(reply, bytesOf(name)));
    }
    if (!isList) this.#selection = { disk, contexts };
    this.#reply(option, REPLY.ACK);
  }

  #session(disk: ServedDisk): Session {
    const contexts = this.#selection?.disk === disk ? this.#selection.contexts : [];
    return { disk, isStructured: this.#isStructured, contexts };
  }

  #known(name: string): ServedDisk {
    const disk = this.#find(name);
    if (disk) return disk;
    throw new OptionError(REPLY.ERR_UNKNOWN, "there is no disk of that name");
  }

  /** The empty name is the first disk's. */
  #find(name: string | undefined): ServedDisk | undefined {
    if (name === undefined) return undefined;
    return this.#disks.get(name) ?? (name === "" ? [...this.#disks.values()][0] : undefined);
  }

  #reply(option: number, type: number, payload?: Uint8Array): void {
    this.#push(encodeOptionReply(option, type, payload));
  }

  #push(message: Uint8Array): void {
    this.#output.put(message.length, (bytes) => bytes.set(message));
  }
}

function greeting(): Uint8Array {
  const bytes = new Uint8Array(18);
  const view = viewOf(bytes);
  view.setBigUint64(0, MAGIC.SERVER);
  view.setBigUint64(8, MAGIC.OPTION);
  view.setUint16(16, HANDSHAKE_FLAG.FIXED_NEWSTYLE | HANDSHAKE_FLAG.NO_ZEROES);
  return bytes;
}

/** A list without a query is of all; a query that is a name space alone lists what is in it. */
function isChosen(name: string, queries: readonly string[], isList: boolean): boolean {
  if (isList && queries.length === 0) return true;
  return queries.some((query) =>
    query === name || isList && query.endsWith(":") && name.startsWith(query)
  );
}

/** The data of an option, from front to back. */
class OptionData {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  string(): string {
    const length = this.#number(4);
    if (length > MAX_STRING) {
      throw new OptionError(REPLY.ERR_INVALID, `a name has at most ${MAX_STRING} bytes`);
    }
    const value = text(this.#take(length));
    if (value === undefined) throw new OptionError(REPLY.ERR_INVALID, "a name must be UTF-8");
    return value;
  }

  list16(): number[] {
    const count = this.#number(2);
    return Array.from({ length: Math.min(count, this.#bytes.length) }, () => this.#number(2));
  }

  strings32(): string[] {
    const count = this.#number(4);
    // Each takes four bytes at least, so that a wrong count ends early.
    return Array.from({ length: Math.min(count, this.#bytes.length) }, () => this.string());
  }

  /** @throws {OptionError} If there is more. */
  end(): void {
    if (this.#at < this.#bytes.length) {
      throw new OptionError(REPLY.ERR_INVALID, "the option is longer than what it says");
    }
  }

  #number(length: 2 | 4): number {
    const view = viewOf(this.#take(length));
    return length === 2 ? view.getUint16(0) : view.getUint32(0);
  }

  #take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) {
      throw new OptionError(REPLY.ERR_INVALID, "the option is shorter than what it says");
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** `undefined` if it is no UTF-8. */
function text(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function bytesOf(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function withLength(value: string): Uint8Array {
  const bytes = bytesOf(value);
  const length = new Uint8Array(4);
  viewOf(length).setUint32(0, bytes.length);
  return joined(length, bytes);
}
