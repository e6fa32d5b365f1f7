/**
 * Prints the first sector of a disk as a hex dump. The image is read as it is: nothing is attached, and
 * no administrator is needed, on any system.
 *
 *     deno run --allow-read=. examples/read_sectors.ts FILE
 */
import { openVirtualDisk } from "@virtdisk/virtdisk";

const [path] = Deno.args;
if (path === undefined) {
  console.error("usage: read_sectors.ts FILE");
  Deno.exit(2);
}

using disk = await openVirtualDisk(path, { backend: "portable" });
const { sectorSize } = disk.getInformation("size");
const sector = new Uint8Array(sectorSize);
disk.readSync(sector, 0);

const BYTES_PER_LINE = 16;
for (let offset = 0; offset < sector.length; offset += BYTES_PER_LINE) {
  const line = sector.subarray(offset, offset + BYTES_PER_LINE);
  const hex = Array.from(line, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const text = Array.from(
    line,
    (byte) => byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".",
  );
  console.log(`${offset.toString(16).padStart(8, "0")}  ${hex}  ${text.join("")}`);
}
