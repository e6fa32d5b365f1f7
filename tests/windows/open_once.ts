/**
 * Opens the disk that its argument names, through VirtDisk.dll, and prints what came of it. Run as a
 * process of its own, to show which permissions it takes.
 */
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";

const [path = ""] = Deno.args;
try {
  using disk = await openVirtualDisk(path, { backend: "native" });
  console.log("opened", disk.path);
} catch (error) {
  if (error instanceof VirtualDiskError) console.log(error.symbol, error.message);
  else if (error instanceof Deno.errors.NotCapable) console.log("NotCapable", error.message);
  else throw error;
}
