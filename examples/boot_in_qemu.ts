/**
 * Boots a VHD or VHDX, with all its parents, in a virtual machine of QEMU's: the disk is served to it as a network
 * block device, and not converted. What the machine writes is thrown away, unless --writable comes first.
 *
 *     deno run --allow-read --allow-write --allow-net --allow-run=qemu-system-x86_64 \
 *       examples/boot_in_qemu.ts [--writable] DISK [OPTION-OF-QEMU...]
 */
import { openVirtualDisk } from "@virtdisk/virtdisk/portable";
import { serveVirtualDisk } from "@virtdisk/virtdisk/serve";

const writable = Deno.args[0] === "--writable";
const [path, ...options] = writable ? Deno.args.slice(1) : Deno.args;
if (path === undefined) {
  console.error("usage: boot_in_qemu.ts [--writable] DISK [OPTION-OF-QEMU...]");
  Deno.exit(2);
}

// Ctrl-C ends the machine; the disk is closed after it.
Deno.addSignalListener("SIGINT", () => {});

using disk = await openVirtualDisk(path, { readOnly: !writable });
await using server = await serveVirtualDisk(disk);
// A comma would end the name.
const drive = [`file=${server.uri.replaceAll(",", ",,")}`, "format=raw"];
if (!writable) drive.push("snapshot=on");

try {
  const machine = new Deno.Command("qemu-system-x86_64", {
    args: ["-m", "2G", "-drive", drive.join(), ...options],
  }).spawn();
  const { code } = await machine.status;
  Deno.exitCode = code;
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  console.error("qemu-system-x86_64 is not installed");
  Deno.exitCode = 1;
}
