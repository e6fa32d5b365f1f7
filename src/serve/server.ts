/**
 * Serves open disks as network block devices.
 *
 * @module
 */
import {
  BOOLEAN,
  checkArgument,
  checkOptions,
  FUNCTION,
  NUMBER,
  OBJECT,
  type OptionKinds,
  PATH,
  SIGNAL,
  STRING,
  uint32,
} from "../disk/arguments.ts";
import { Handshake } from "./handshake.ts";
import { listen, type Place } from "./place.ts";
import { MAX_STRING } from "./protocol.ts";
import { type ServableDisk, ServedDisk } from "./served_disk.ts";
import { Transmission } from "./transmission.ts";
import { type Backlog, Input, Output } from "./wire.ts";

const OPERATION = "serveVirtualDisk";
const DEFAULT_CONNECTIONS = 64;
/** For the options, and for what is not sent yet when the server ends, in milliseconds. */
const HANDSHAKE_TIME = 30_000;
const ENDING_TIME = 5_000;

/**
 * How disks are served.
 *
 * @category Serving
 */
export interface ServeOptions {
  /**
   * The path of a Unix socket to make, with mode 0600. By default one in a new folder that only this user can
   * enter; on Windows a port of the loopback address.
   */
  socket?: string | URL | undefined;
  /** A TCP port instead, from 0 to 65535; 0 takes one that is free. */
  port?: number | undefined;
  /**
   * The address of the port. Whoever can reach it can read the disk, and write it if it was opened for writing:
   * there is no password and no encryption.
   *
   * @default {"127.0.0.1"}
   */
  host?: string | undefined;
  /**
   * The name under which a single disk is served. Clients that name none get it in any case.
   *
   * @default {""}
   */
  name?: string | undefined;
  /**
   * How many clients may be connected at a time; a further one is turned away. Each takes 4 MiB of memory at most,
   * whatever it asks for and does not read, and what waits for all of them 32 MiB.
   *
   * @default {64}
   */
  maxConnections?: number | undefined;
  /**
   * Whether disks that were opened for writing are served for reading all the same.
   *
   * @default {false}
   */
  readOnly?: boolean | undefined;
  /** Ends the server, as `close()` does. */
  signal?: AbortSignal | undefined;
  /** Is told what happens. What it throws ends nothing. */
  onEvent?: ((event: ServeEvent) => void) | undefined;
}

const SERVE_OPTIONS: OptionKinds<ServeOptions> = {
  socket: PATH,
  port: NUMBER,
  host: STRING,
  name: STRING,
  maxConnections: NUMBER,
  readOnly: BOOLEAN,
  signal: SIGNAL,
  onEvent: FUNCTION,
};

/**
 * What happens while disks are served.
 *
 * @category Serving
 */
export type ServeEvent =
  /** A client is there. */
  | { kind: "connected"; client: number }
  /** It has chosen a disk. */
  | { kind: "chosen"; client: number; name: string; path: string }
  /** It is gone: `error` tells why if it did not take leave. */
  | { kind: "disconnected"; client: number; error?: Error }
  /** A disk could not do what a client asked: the client has been told. */
  | { kind: "failed"; client: number; error: unknown }
  /** There are too many clients: this one was turned away. */
  | { kind: "refused" };

/**
 * Disks that are being served, until it is closed.
 *
 * @category Serving
 */
export interface DiskServer extends AsyncDisposable {
  /** Where the first disk is: `nbd+unix:///?socket=PATH` or `nbd://HOST:PORT`. */
  readonly uri: string;
  /** Where each disk is, by its name. */
  readonly uris: ReadonlyMap<string, string>;
  /** Is fulfilled when the server has ended and everything is durable. */
  readonly finished: Promise<void>;
  /**
   * Takes no more clients and no more commands, finishes those that have begun, makes the disks durable, and
   * ends the connections. The disks stay open.
   */
  close(): Promise<void>;
}

/**
 * Serves an open disk, or several under their names, to any client of the network block device protocol: Linux
 * mounts it, QEMU boots it, `nbdcopy` copies it. Chains of differencing images are served as the disk that they
 * make up.
 *
 * The disk is served for writing if it was opened for writing. It must stay open until the server has ended.
 *
 * @category Serving
 * @example Serve a disk until the program is interrupted
 * ```ts ignore
 * import { openVirtualDisk } from "@virtdisk/virtdisk/portable";
 * import { serveVirtualDisk } from "@virtdisk/virtdisk/serve";
 *
 * using disk = await openVirtualDisk("disk.vhdx");
 * await using server = await serveVirtualDisk(disk);
 * console.log(server.uri);
 * await server.finished;
 * ```
 *
 * @param disks One open disk, or several by the names under which clients find them.
 * @param options Where, and how to end. At the socket PATH it needs `--allow-read=PATH`, `--allow-write=PATH`,
 * `--allow-net=unix:PATH` and `--allow-sys=umask`; at one in a folder of its own, `--allow-write` and `--allow-net`; at a
 * port, `--allow-net=HOST:PORT`.
 * @returns The server, which takes clients from now on.
 * @throws {VirtualDiskError} `ERROR_ALREADY_EXISTS` if there is something at the path of the socket, or another program
 * has the port; `ERROR_VHD_INVALID_STATE` if a disk that was opened for writing has children.
 * @throws {TypeError | RangeError} If an argument is wrong.
 */
export async function serveVirtualDisk(
  disks: ServableDisk | Readonly<Record<string, ServableDisk>>,
  options: ServeOptions = {},
): Promise<DiskServer> {
  const checked = checkOptions(SERVE_OPTIONS, options, OPERATION);
  const served = servedDisks(disks, checked);
  uint32(checked.maxConnections ?? DEFAULT_CONNECTIONS, "maxConnections", 1);
  checked.signal?.throwIfAborted();
  const place = await listen(checked);
  return new Server(served, place, checked);
}

function servedDisks(
  disks: ServableDisk | Readonly<Record<string, ServableDisk>>,
  { name, readOnly = false }: ServeOptions,
): Map<string, ServedDisk> {
  checkArgument(
    { ...OBJECT, accepts: (value) => typeof value === "object" && value !== null },
    disks,
    "disks",
  );
  const isOne = typeof (disks as Partial<ServableDisk>).readSync === "function";
  if (!isOne && name !== undefined) {
    throw new TypeError("name is for one disk: several have the names under which they are passed");
  }
  const entries = isOne
    ? [[name ?? "", disks as ServableDisk] as const]
    : Object.entries(disks as Record<string, ServableDisk>);
  if (entries.length === 0) throw new TypeError("disks must hold a disk at least");
  return new Map(entries.map(([each, disk]) => {
    if (new TextEncoder().encode(each).length > MAX_STRING) {
      throw new RangeError(`the name of a disk must have at most ${MAX_STRING} bytes`);
    }
    const served = new ServedDisk(each, disk, readOnly);
    // What keeps the disk from being read at once, or from being written, is told now, and not to each client that tries.
    disk.readSync(new Uint8Array(), 0);
    if (!served.readOnly) disk.writeSync(new Uint8Array(), 0);
    return [each, served];
  }));
}

class Server implements DiskServer {
  readonly uri: string;
  readonly uris: ReadonlyMap<string, string>;
  readonly finished: Promise<void>;
  readonly #disks: ReadonlyMap<string, ServedDisk>;
  readonly #place: Place;
  readonly #maxConnections: number;
  readonly #onEvent: (event: ServeEvent) => void;
  readonly #clients = new Map<Client, Promise<void>>();
  readonly #backlog: Backlog = { bytes: 0 };
  readonly #finish = Promise.withResolvers<void>();
  #count = 0;
  #closing: Promise<void> | undefined;

  constructor(disks: ReadonlyMap<string, ServedDisk>, place: Place, options: ServeOptions) {
    const { maxConnections = DEFAULT_CONNECTIONS, signal, onEvent } = options;
    this.#disks = disks;
    this.#place = place;
    this.#maxConnections = maxConnections;
    this.#onEvent = onEvent ?? (() => {});
    this.uris = new Map([...disks.keys()].map((name) => [name, place.uri(name)]));
    this.uri = [...this.uris.values()][0]!;
    this.finished = this.#finish.promise;
    // Whoever asks for it sees the failure; nobody has to ask.
    this.finished.catch(() => {});
    const onAbort = () => void this.close().catch(() => {});
    signal?.addEventListener("abort", onAbort, { once: true });
    this.finished.finally(() => signal?.removeEventListener("abort", onAbort)).catch(() => {});
    this.#accept();
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      this.#place.listener.close();
      this.#place.remove();
      for (const client of this.#clients.keys()) client.end();
      await Promise.all(this.#clients.values());
      for (const { disk, readOnly } of this.#disks.values()) if (!readOnly) disk.flushSync();
      this.#finish.resolve();
    } catch (error) {
      this.#finish.reject(error);
      throw error;
    }
  }

  async #accept(): Promise<void> {
    while (this.#closing === undefined) {
      let connection: Deno.Conn;
      try {
        connection = await this.#place.listener.accept();
      } catch (error) {
        if (this.#closing !== undefined) return;
        // One client that is gone before it is taken, or no descriptor left: others may follow.
        this.#tell({ kind: "failed", client: 0, error });
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      if (this.#closing !== undefined || this.#clients.size >= this.#maxConnections) {
        connection.close();
        this.#tell({ kind: "refused" });
        continue;
      }
      this.#serve(connection);
    }
  }

  #serve(connection: Deno.Conn): void {
    const number = ++this.#count;
    const client = new Client(connection, {
      disks: this.#disks,
      backlog: this.#backlog,
      tell: (event) => this.#tell({ ...event, client: number } as ServeEvent),
    });
    this.#tell({ kind: "connected", client: number });
    this.#clients.set(client, client.run().finally(() => this.#clients.delete(client)));
  }

  #tell(event: ServeEvent): void {
    try {
      this.#onEvent(event);
    } catch {
      // A listener is not asked whether clients may go on.
    }
  }
}

type Told =
  | { kind: "chosen"; name: string; path: string }
  | { kind: "disconnected"; error?: Error }
  | { kind: "failed"; error: unknown };

/** One connection, from the greeting to the end. */
class Client {
  readonly #connection: Deno.Conn;
  readonly #disks: ReadonlyMap<string, ServedDisk>;
  readonly #tell: (event: Told) => void;
  readonly #output: Output;
  #transmission: Transmission | undefined;
  #isEnding = false;
  #isClosed = false;

  constructor(
    connection: Deno.Conn,
    { disks, backlog, tell }: {
      disks: ReadonlyMap<string, ServedDisk>;
      backlog: Backlog;
      tell: (event: Told) => void;
    },
  ) {
    this.#connection = connection;
    this.#disks = disks;
    this.#tell = tell;
    this.#output = new Output(connection, backlog);
  }

  /** Never fails: what goes wrong is told. */
  async run(): Promise<void> {
    let failure: Error | undefined;
    try {
      await this.#talk();
      await this.#output.drain();
    } catch (error) {
      if (!this.#isEnding) failure = error instanceof Error ? error : new Error(String(error));
      // What was answered before is sent still, if the client is there.
      if (!this.#isClosed) await this.#drainForAWhile();
    } finally {
      this.#close();
    }
    this.#tell(
      failure === undefined ? { kind: "disconnected" } : { kind: "disconnected", error: failure },
    );
  }

  /** Ends the connection: no more is read, what was begun is finished and what was answered is sent. */
  end(): void {
    this.#isEnding = true;
    this.#finish();
  }

  async #finish(): Promise<void> {
    await this.#transmission?.settle();
    await this.#drainForAWhile();
    this.#close();
  }

  async #talk(): Promise<void> {
    const input = new Input(this.#connection);
    const timer = setTimeout(() => this.#close(), HANDSHAKE_TIME);
    const session = await new Handshake(input, this.#output, this.#disks).run().finally(() =>
      clearTimeout(timer)
    );
    if (session === undefined) return;
    const { disk } = session;
    this.#tell({ kind: "chosen", name: disk.name, path: disk.disk.path });
    this.#transmission = new Transmission(input, this.#output, session, {
      isEnding: () => this.#isEnding,
      onFailure: (error) => this.#tell({ kind: "failed", error }),
    });
    await this.#transmission.run();
  }

  async #drainForAWhile(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ENDING_TIME);
    await Promise.race([this.#output.drain(), promise]);
    clearTimeout(timer);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }
}
