/** A client that sends whatever it is told, and takes apart what comes: written from the protocol's text alone. */
import { assertEquals } from "@std/assert";
import { joined } from "../../src/bytes/joined.ts";

const OPTION_MAGIC = 0x49484156454f5054n;

/** What came back for an option. */
export interface OptionReply {
  readonly option: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/** A reply to a command, simple or a chunk. */
export interface CommandReply {
  readonly kind: "simple" | "chunk";
  readonly cookie: bigint;
  /** Of a simple reply. */
  readonly error: number;
  /** Of a chunk. */
  readonly flags: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/** What is in a request; all of it may be wrong. */
export interface RawRequest {
  readonly magic?: number;
  readonly flags?: number;
  readonly type: number;
  readonly cookie?: bigint;
  readonly offset?: bigint;
  readonly length?: number;
  readonly data?: Uint8Array;
}

export class RawClient implements Disposable {
  readonly #connection: Deno.Conn;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Connects to a Unix socket, or to a port of this machine, and says nothing. */
  static async connect(place: string | number): Promise<RawClient> {
    return new RawClient(
      typeof place === "string"
        ? await Deno.connect({ transport: "unix", path: place })
        : await Deno.connect({ hostname: "127.0.0.1", port: place }),
    );
  }

  /** Connects, and goes as far as the options. */
  static async greeted(place: string | number, flags = 3): Promise<RawClient> {
    using stack = new DisposableStack();
    const client = stack.use(await RawClient.connect(place));
    await client.readGreeting();
    await client.send(u32(flags));
    stack.move();
    return client;
  }

  /** Connects, and goes as far as the commands. */
  static async ready(
    place: string | number,
    { structured = true, contexts = [] as string[], name = "" } = {},
  ): Promise<RawClient> {
    using stack = new DisposableStack();
    const client = stack.use(await RawClient.greeted(place));
    if (structured) {
      await client.option(8);
      assertEquals((await client.readOptionReply()).type, 1);
    }
    if (contexts.length > 0) {
      await client.option(10, metaQuery(name, contexts));
      while ((await client.readOptionReply()).type !== 1);
    }
    await client.option(7, infoRequest(name));
    while ((await client.readOptionReply()).type !== 1);
    stack.move();
    return client;
  }

  async send(...parts: Uint8Array[]): Promise<void> {
    const bytes = joined(...parts);
    for (let done = 0; done < bytes.length;) {
      done += await this.#connection.write(bytes.subarray(done));
    }
  }

  async option(
    option: number,
    data: Uint8Array = new Uint8Array(),
    { magic = OPTION_MAGIC, length = data.length } = {},
  ): Promise<void> {
    await this.send(u64(magic), u32(option), u32(length), data);
  }

  async request(request: RawRequest): Promise<void> {
    await this.send(encodeRequest(request));
  }

  /** The same request again and again, without a look at the answers; `onSent` is told how many more were taken. */
  async flood(
    request: RawRequest,
    count: number,
    onSent: (count: number) => void,
  ): Promise<void> {
    const together = Math.min(count, 100);
    const bytes = joined(...Array.from({ length: together }, () => encodeRequest(request)));
    for (let done = 0; done < count; done += together) {
      await this.send(bytes);
      onSent(together);
    }
  }

  async readGreeting(): Promise<void> {
    const view = viewOf(await this.read(18));
    assertEquals(view.getBigUint64(0), 0x4e42444d41474943n);
    assertEquals(view.getBigUint64(8), OPTION_MAGIC);
    assertEquals(view.getUint16(16), 3);
  }

  async readOptionReply(): Promise<OptionReply> {
    const view = viewOf(await this.read(20));
    assertEquals(view.getBigUint64(0), 0x0003e889045565a9n);
    const data = await this.read(view.getUint32(16));
    return { option: view.getUint32(8), type: view.getUint32(12), data };
  }

  /** @param length Of the data that follow a simple reply without an error. */
  async readReply(length = 0): Promise<CommandReply> {
    const magic = viewOf(await this.read(4)).getUint32(0);
    if (magic === 0x67446698) {
      const view = viewOf(await this.read(12));
      const error = view.getUint32(0);
      const data = error === 0 ? await this.read(length) : new Uint8Array();
      return { kind: "simple", cookie: view.getBigUint64(4), error, flags: 1, type: 0, data };
    }
    assertEquals(magic, 0x668e33ef);
    const view = viewOf(await this.read(16));
    const data = await this.read(view.getUint32(12));
    return {
      kind: "chunk",
      flags: view.getUint16(0),
      type: view.getUint16(2),
      cookie: view.getBigUint64(4),
      error: 0,
      data,
    };
  }

  /** The error number that a command ends with: 0 is a success. */
  async readError(length = 0): Promise<number> {
    while (true) {
      const reply = await this.readReply(length);
      if (reply.kind === "simple") return reply.error;
      if (reply.type & 0x8000) return viewOf(reply.data).getUint32(0);
      if (reply.flags & 1) return 0;
    }
  }

  /** @throws If the server ends the connection before. */
  async read(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    for (let done = 0; done < count;) {
      const read = await this.#connection.read(bytes.subarray(done));
      if (read === null) throw new Error("the server ended the connection");
      done += read;
    }
    return bytes;
  }

  /** Everything until the server ends the connection. */
  async readToEnd(): Promise<number> {
    const buffer = new Uint8Array(4096);
    let count = 0;
    for (let read; (read = await this.#connection.read(buffer)) !== null;) count += read;
    return count;
  }

  /** Whether the server ends the connection, without another byte. */
  async isEnded(): Promise<boolean> {
    try {
      return await this.#connection.read(new Uint8Array(1)) === null;
    } catch {
      return true;
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // It is closed already.
    }
  }
}

/** The bytes of a request. */
export function encodeRequest(request: RawRequest): Uint8Array<ArrayBuffer> {
  const { magic = 0x25609513, flags = 0, type, cookie = 1n, offset = 0n, data } = request;
  const { length = data?.length ?? 0 } = request;
  return joined(
    u32(magic),
    u16(flags),
    u16(type),
    u64(cookie),
    u64(offset),
    u32(length),
    data ?? new Uint8Array(),
  );
}

/** The data of INFO and GO. */
export function infoRequest(name: string, kinds: readonly number[] = []): Uint8Array {
  return joined(stringOf(name), u16(kinds.length), ...kinds.map(u16));
}

/** The data of LIST_META_CONTEXT and SET_META_CONTEXT. */
export function metaQuery(name: string, queries: readonly string[]): Uint8Array {
  return joined(stringOf(name), u32(queries.length), ...queries.map(stringOf));
}

export function stringOf(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return joined(u32(bytes.length), bytes);
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value);
  return bytes;
}

export function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, value);
  return bytes;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
