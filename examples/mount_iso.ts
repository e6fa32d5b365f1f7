/**
 * Mounts an ISO image, prints where, and dismounts it on Enter. Needs Windows 8; an elevated prompt is
 * needed on Windows Server only.
 *
 *     deno run --allow-ffi examples/mount_iso.ts IMAGE.iso
 */
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";

const [path] = Deno.args;
if (path === undefined) {
  console.error("usage: mount_iso.ts IMAGE.iso");
  Deno.exit(2);
}

try {
  using disk = await openVirtualDisk(path, { backend: "native", type: "iso" });
  // The image is mounted as long as the attachment lives: closing the disk would end it too.
  await using attachment = await disk.attach({ readOnly: true });
  const places = attachment.volumes.flatMap(({ mountPoints }) => mountPoints);
  console.log(places.join(" ") || attachment.physicalPath);
  prompt("Press Enter to dismount");
} catch (error) {
  if (!(error instanceof VirtualDiskError)) throw error;
  // Off Windows: the native backend needs Windows.
  console.error(error.message);
  Deno.exitCode = 1;
}
