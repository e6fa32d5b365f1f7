/** Opens an image through the system's libraries; prints what came of it. */
import { openVirtualDisk, VirtualDiskError } from "../../../mod.ts";
import "../../../ffi.ts";

console.log("imported");
try {
  using disk = await openVirtualDisk("C:\\images\\a.vhdx", { backend: "native" });
  console.log(disk.path);
} catch (error) {
  if (error instanceof VirtualDiskError) console.log(error.symbol, error.causes.join(" "));
  else console.log((error as Error).name);
}
