/**
 * Serves open disks as network block devices, so that any client of that protocol uses them: Linux mounts them, QEMU
 * boots them, `nbdcopy` copies them, chains of differencing VHD and VHDX included.
 *
 * @example Serve a disk and read it as a client would
 * ```ts ignore
 * import { openVirtualDisk } from "@virtdisk/virtdisk/portable";
 * import { serveVirtualDisk } from "@virtdisk/virtdisk/serve";
 *
 * using disk = await openVirtualDisk("disk.vhdx");
 * await using server = await serveVirtualDisk(disk);
 * await new Deno.Command("nbdcopy", { args: [server.uri, "disk.raw"] }).output();
 * ```
 *
 * @module
 */
export { type ServableDisk } from "./src/serve/served_disk.ts";
export {
  type DiskServer,
  type ServeEvent,
  type ServeOptions,
  serveVirtualDisk,
} from "./src/serve/server.ts";
