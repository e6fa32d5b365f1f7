/**
 * Takes a snapshot of a VHD Set, returns to one, or deletes one. Needs Windows 10 or Windows Server 2016.
 *
 *     deno run --allow-ffi examples/vhd_set.ts SET.vhds take
 *     deno run --allow-ffi examples/vhd_set.ts SET.vhds apply SNAPSHOT_ID
 *     deno run --allow-ffi examples/vhd_set.ts SET.vhds delete SNAPSHOT_ID
 */
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";

const [path, action, snapshotId] = Deno.args;
const needsId = action === "apply" || action === "delete";
if (path === undefined || (action !== "take" && !needsId) || (needsId && !snapshotId)) {
  console.error("usage: vhd_set.ts SET.vhds take | apply SNAPSHOT_ID | delete SNAPSHOT_ID");
  Deno.exit(2);
}

try {
  using set = await openVirtualDisk(path, {
    backend: "native",
    type: "vhdset",
    readOnly: false,
  });
  if (action === "take") {
    console.log(set.takeSnapshot());
  } else if (action === "apply") {
    // What the set holds now is kept as a snapshot of its own, so that nothing is lost.
    const leafSnapshotId = crypto.randomUUID();
    set.applySnapshot(snapshotId!, { leafSnapshotId });
    console.log(`the state before is kept as ${leafSnapshotId}`);
  } else {
    set.deleteSnapshot(snapshotId!);
  }
} catch (error) {
  if (!(error instanceof VirtualDiskError)) throw error;
  // Off Windows: the native backend needs Windows.
  console.error(error.message);
  for (const cause of error.causes.slice(1)) console.error(`or: ${cause}`);
  Deno.exitCode = 1;
}
