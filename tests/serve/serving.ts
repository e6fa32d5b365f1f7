/** A server for the length of a test. */
import {
  type DiskServer,
  type ServableDisk,
  type ServeEvent,
  type ServeOptions,
  serveVirtualDisk,
} from "@virtdisk/virtdisk/serve";
import { TempDir } from "../support.ts";

/** A server at a Unix socket in a folder of its own. */
export class Serving implements AsyncDisposable {
  readonly socket: string;
  readonly server: DiskServer;
  readonly events: ServeEvent[];
  readonly #dir: TempDir;

  private constructor(dir: TempDir, socket: string, server: DiskServer, events: ServeEvent[]) {
    this.#dir = dir;
    this.socket = socket;
    this.server = server;
    this.events = events;
  }

  static async start(
    disks: ServableDisk | Record<string, ServableDisk>,
    options: ServeOptions = {},
  ): Promise<Serving> {
    const dir = new TempDir();
    const socket = dir.file("s");
    const events: ServeEvent[] = [];
    const onEvent = (event: ServeEvent) => events.push(event);
    const server = await serveVirtualDisk(disks, { socket, onEvent, ...options });
    return new Serving(dir, socket, server, events);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    this.#dir[Symbol.dispose]();
  }
}
