/**
 * Attaches a VHD or VHDX, prints its disk and volumes, and detaches it on Enter. Needs an elevated prompt.
 *
 *     deno run --allow-ffi examples/attach_vhdx.ts [--read-only] [--permanent] IMAGE
 */
import { parseArgs } from "node:util";
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";

const { values, positionals: [path] } = parseArgs({
  allowPositionals: true,
  options: {
    "read-only": { type: "boolean", default: false },
    permanent: { type: "boolean", default: false },
  },
});
if (path === undefined) {
  console.error("usage: attach_vhdx.ts [--read-only] [--permanent] IMAGE");
  Deno.exit(2);
}

try {
  const readOnly = values["read-only"];
  using disk = await openVirtualDisk(path, { backend: "native", readOnly });
  await using attachment = await disk.attach({ readOnly, permanent: values.permanent });
  console.log(attachment.physicalPath);
  for (const { guidPath, mountPoints } of attachment.volumes) {
    console.log(guidPath, mountPoints.join(" "));
  }
  // A permanent attachment outlives this program; any other ends with the scope.
  if (!attachment.permanent) prompt("Press Enter to detach");
} catch (error) {
  if (!(error instanceof VirtualDiskError)) throw error;
  // Off Windows: the native backend needs Windows.
  console.error(error.message);
  for (const cause of error.causes.slice(1)) console.error(`or: ${cause}`);
  Deno.exitCode = 1;
}
