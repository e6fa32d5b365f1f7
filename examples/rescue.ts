/**
 * Saves what is left of a damaged VHD or VHDX in a new raw disk, and says what is lost, where and why. The broken file
 * is only read; what is lost are zeros. A file on a disk that fails to read is copied with ddrescue first.
 *
 *     deno run --allow-read=. --allow-write=. examples/rescue.ts broken.vhdx saved.img [SIZE BLOCK-SIZE]
 *
 * SIZE and BLOCK-SIZE (`127GiB`, `32MiB`) are for an image that does not say them any more. After that the file
 * systems in the new disk are checked by their own tools, such as e2fsck and chkdsk.
 */
import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk/portable";

const [broken, saved, size, blockSize] = Deno.args;
if (broken === undefined || saved === undefined) {
  console.error("usage: rescue.ts BROKEN NEW [SIZE BLOCK-SIZE]");
  Deno.exit(2);
}

const damaged = {
  damage: "tolerate",
  assume: { ...(size && { size }), ...(blockSize && { blockSize }) },
} as const;

{
  using disk = await openVirtualDisk(broken, damaged);
  const { isWhole, lostBytes, lostRanges, leftOut, partitions, findings } = await disk.damage();
  for (const { structure, found, expected, consequence } of findings) {
    console.log(`${structure}: ${found}, expected ${expected}. ${consequence}`);
  }
  for (const { offset, length, reason } of lostRanges) {
    console.log(`lost: ${length} bytes at ${offset} (${reason})`);
  }
  if (leftOut > 0) console.log(`and ${leftOut} ranges more`);
  for (const { partition, length, lostBytes } of partitions) {
    const place = partition === undefined ? "the disk" : `partition ${partition}`;
    console.log(`of ${place}: ${lostBytes} of ${length} bytes`);
  }
  console.log(`${lostBytes} of ${disk.size} bytes are lost`);
  Deno.exitCode = isWhole ? 0 : 1;
}

// A new file has its name only when it is whole.
(await createVirtualDisk(saved, { ...damaged, source: broken, type: "raw" })).close();
