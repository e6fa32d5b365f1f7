/**
 * Where clients come in: a Unix socket that is its owner's alone, or a port.
 *
 * @module
 */
import { toHostPath, uint32 } from "../disk/arguments.ts";
import { pauseSync } from "../disk/pause.ts";
import { virtualDiskError } from "../errors/error.ts";
import { join, resolve } from "../text/paths.ts";

const OPERATION = "serveVirtualDisk";
const DEFAULT_HOST = "127.0.0.1";
const MAX_PORT = 65535;

/** Where clients come in. */
export interface Place {
  readonly listener: Deno.Listener;
  /** The address of a disk. */
  uri(name: string): string;
  /** Removes what was made for it. */
  remove(): void;
}

/** What of the options says where. */
interface Wanted {
  readonly socket?: string | URL | undefined;
  readonly port?: number | undefined;
  readonly host?: string | undefined;
}

/**
 * Begins to listen.
 *
 * @throws {VirtualDiskError} `ERROR_ALREADY_EXISTS` if the place is taken.
 * @throws {TypeError | RangeError} If the options make no sense.
 */
export async function listen({ socket, port, host }: Wanted): Promise<Place> {
  if (port !== undefined || host !== undefined) {
    if (socket !== undefined) throw new TypeError("socket cannot be used beside port and host");
    return listenAtPort(host ?? DEFAULT_HOST, port ?? 0);
  }
  if (Deno.build.os === "windows") {
    if (socket === undefined) return listenAtPort(DEFAULT_HOST, 0);
    throw virtualDiskError("ERROR_NOT_SUPPORTED", OPERATION, {
      reason: "Deno has no Unix sockets on Windows",
      causes: ["Use a port: { port: 10809 }."],
    });
  }
  if (socket !== undefined) {
    return await listenAtSocket(resolve(toHostPath(socket, "socket")), false);
  }
  const folder = Deno.makeTempDirSync({ prefix: "virtdisk-serve-" });
  try {
    const place = await listenAtSocket(join(folder, "nbd.sock"), true);
    return {
      ...place,
      remove: () => {
        place.remove();
        Deno.removeSync(folder);
      },
    };
  } catch (error) {
    Deno.removeSync(folder);
    throw error;
  }
}

function listenAtPort(host: string, port: number): Place {
  uint32(port, "port");
  if (port > MAX_PORT) {
    throw new RangeError(`port must be a whole number from 0 to ${MAX_PORT}, not ${port}`);
  }
  const listener = inUse(() => Deno.listen({ hostname: host, port }), `port ${port} of ${host}`);
  const address = host.includes(":") ? `[${host}]` : host;
  const bound = listener.addr.port;
  return {
    listener,
    uri: (name) => `nbd://${address}:${bound}${name === "" ? "" : `/${encodeURIComponent(name)}`}`,
    remove: () => {},
  };
}

/** @param isHidden Whether nobody else can enter the folder that it is made in. */
async function listenAtSocket(path: string, isHidden: boolean): Promise<Place> {
  await removeUnused(path);
  const bind = () => inUse(() => Deno.listen({ transport: "unix", path }), path);
  const listener = isHidden ? bind() : forOwnerAlone(bind);
  const query = `socket=${encodeURI(path).replaceAll(/[?&#+]/g, encodeURIComponent)}`;
  return {
    listener,
    uri: (name) => `nbd+unix:///${encodeURIComponent(name)}?${query}`,
    remove: () => removeIfThere(path),
  };
}

/** Of new files: nothing for others, and a socket is not run. */
const OWNER_ALONE = 0o177;
/** Milliseconds, and how often: as long as no thread needs to make a socket. */
const PAUSE = 1;
const TRIES = 1000;

/** What is made meanwhile is the owner's alone from its first moment on: changed later, it would be too late. */
function forOwnerAlone<T>(make: () => T): T {
  const before = limitNewFiles();
  try {
    return make();
  } finally {
    Deno.umask(before);
  }
}

/**
 * Gives what the mask was. All threads of the process share it: one that finds the mask of this function has met
 * another thread in here, and waits until that one has put back what was before. Otherwise the last of them would put
 * back what it found, and no new file of the process would be anybody else's any more.
 */
function limitNewFiles(): number {
  for (let tries = 1;; tries++) {
    const before = Deno.umask(OWNER_ALONE);
    // Some have this mask themselves.
    if (before !== OWNER_ALONE || tries === TRIES) return before;
    pauseSync(PAUSE);
  }
}

/** A server that was killed leaves its socket, at which nobody listens any more. */
async function removeUnused(path: string): Promise<void> {
  let status: Deno.FileInfo;
  try {
    status = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (!status.isSocket) throw occupied(path);
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return removeIfThere(path);
    throw error;
  }
  throw occupied(path);
}

function occupied(path: string) {
  return virtualDiskError("ERROR_ALREADY_EXISTS", OPERATION, {
    path,
    reason: "there is something at the path of the socket already",
    causes: ["Another server uses it, or it is another file: choose another path."],
  });
}

function inUse<T>(listen: () => T, place: string): T {
  try {
    return listen();
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw virtualDiskError("ERROR_ALREADY_EXISTS", OPERATION, {
      reason: `another program uses ${place}`,
      causes: ["Choose another one; { port: 0 } takes a free one."],
    });
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
