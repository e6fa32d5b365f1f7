/**
 * Switches change tracking on, and tells what has changed in a VHDX since an earlier point. Needs Windows
 * 10 or Windows Server 2016.
 *
 *     deno run --allow-ffi examples/change_tracking.ts IMAGE [TRACKING_ID]
 *
 * The first run prints a tracking id: take a full copy then, and keep the id with it. A later run with that
 * id prints the ranges that an incremental copy must take, and the id for the next one.
 */
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";

const [image, trackingId] = Deno.args;
if (image === undefined) {
  console.error("usage: change_tracking.ts IMAGE [TRACKING_ID]");
  Deno.exit(2);
}

try {
  using disk = await openVirtualDisk(image, { backend: "native", readOnly: false });
  const { enabled } = disk.getInformation("changeTrackingState");
  if (!enabled) disk.setInformation("changeTrackingEnabled", true);

  if (enabled && trackingId !== undefined) {
    let total = 0;
    for (const { offset, length } of disk.queryChanges(trackingId)) {
      console.log(`${offset} ${length}`);
      total += length;
    }
    console.error(`${total} bytes have changed`);
  }
  const { mostRecentId } = disk.getInformation("changeTrackingState");
  console.error(`the tracking id of now: ${mostRecentId}`);
} catch (error) {
  if (!(error instanceof VirtualDiskError)) throw error;
  // Off Windows: the native backend needs Windows.
  console.error(error.message);
  Deno.exitCode = 1;
}
