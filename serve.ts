/**
 * Serves open disks as network block devices, so that any client of that protocol uses them: Linux mounts them, QEMU
 * boots them, `nbdcopy` copies them, chains of differencing VHD and VHDX included.
 *
 * Needs what opening the disk needs, and `--allow-net` for the port (`--allow-net=127.0.0.1:10809`) or the socket;
 * {@linkcode serveVirtualDisk} says what else a socket needs.
 *
 * @example Serve a disk at a port of this machine
 * ```ts
 * import { createVirtualDisk } from "@virtdisk/virtdisk/portable";
 * import { serveVirtualDisk } from "@virtdisk/virtdisk/serve";
 *
 * const folder = await Deno.makeTempDir();
 * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, { size: "64MiB" });
 * await using server = await serveVirtualDisk(disk, { port: 0 });
 * console.log(server.uri); // nbd://127.0.0.1:40123
 * ```
 *
 * @module
 */
export type { ServableDisk } from "./src/serve/served_disk.ts";
export {
  type DiskServer,
  type ServeEvent,
  type ServeOptions,
  serveVirtualDisk,
} from "./src/serve/server.ts";
