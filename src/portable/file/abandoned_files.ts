/**
 * Temporary files of programs that came to their end before these were removed: killed, or by a power
 * failure. The next command that writes in the folder removes them, but never one that is still written.
 *
 * @module
 */
import { join } from "../../text/paths.ts";
import { lockFile } from "./file_locks.ts";

/** For a file whose maker may be out of sight: a living one would have written to it for so long, in ms. */
const LONG_AGO = 7 * 24 * 60 * 60 * 1000;

const NAME = /^\.virtdisk-([0-9a-f]+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/**
 * The path for a new temporary file, which is to be locked as long as it is written. The name says on which
 * device its maker sees the folder.
 */
export function temporaryPath(folder: string): string {
  const device = Deno.statSync(folder).dev.toString(16);
  return join(folder, `.virtdisk-${device}-${crypto.randomUUID()}.tmp`);
}

/**
 * Removes temporary files that nobody writes any more. What cannot be made certain stays, and so does
 * everything where the program may not read and write the folder: it asks for no permission.
 */
export function removeAbandonedFiles(folder: string): void {
  const isAllowed = (["read", "write"] as const).every((name) =>
    Deno.permissions.querySync({ name, path: folder }).state === "granted"
  );
  if (!isAllowed) return;
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      const [, device] = NAME.exec(name) ?? [];
      if (device !== undefined) removeIfAbandoned(join(folder, name), Number.parseInt(device, 16));
    }
  } catch {
    // A folder that cannot be listed: what is in the way of the command itself, it will say.
  }
}

function removeIfAbandoned(path: string, device: number): void {
  try {
    const { isFile, dev, mtime } = Deno.lstatSync(path);
    if (!isFile) return;
    const isOld = mtime !== null && Date.now() - mtime.getTime() > LONG_AGO;
    if (!(dev === device && seesMakersLock(dev)) && !isOld) return;
    using file = Deno.openSync(path);
    // A shared lock is refused beside the maker's, and in no reader's way should the file have a name as an
    // image too, which a crash between the link and its end leaves.
    lockFile(path, file, false);
    Deno.removeSync(path);
  } catch {
    // Somebody else's file, or gone meanwhile.
  }
}

/**
 * Whether a lock that the maker holds is seen here, when both see the folder on this device. Windows and its
 * file servers enforce locks. Linux mounts a block device on one machine; who reaches it over a network or
 * from a virtual machine, with locks that may stay unseen, sees another device. What has no block device of
 * its own (major number 0) may be such a share.
 */
function seesMakersLock(device: number): boolean {
  if (Deno.build.os === "windows") return device !== 0;
  return Deno.build.os === "linux" && Math.floor(device / 256) % 4096 !== 0;
}
