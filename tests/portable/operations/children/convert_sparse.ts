/**
 * Converts a sparse disk of 1 TiB in the way that its argument names, and prints the most memory that
 * this process has had, in KiB.
 */
import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";

const [way = "", source = "", target = ""] = Deno.args;
switch (way) {
  case "vhd":
  case "vhdx":
    (await createVirtualDisk(target, { source, type: way, backend: "portable" })).close();
    break;
  case "vhdx with blocks of 1 MiB":
    (await createVirtualDisk(target, {
      source,
      type: "vhdx",
      blockSize: 1 << 20,
      backend: "portable",
    })).close();
    break;
  case "fixed vhdx":
    (await createVirtualDisk(target, {
      source,
      type: "vhdx",
      subtype: "fixed",
      backend: "portable",
    })).close();
    break;
  case "stream": {
    using disk = await openVirtualDisk(source, { backend: "portable" });
    const { readable } = await disk.imageStream({ type: "vhd" });
    await readable.pipeTo((await Deno.create(target)).writable);
    break;
  }
}
const peak = /^VmHWM:\s*(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"));
console.log(peak?.[1]);
