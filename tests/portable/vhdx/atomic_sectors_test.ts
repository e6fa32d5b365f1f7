/** `atomicSectors`: what a crash tears of a sector of 4096 bytes is in the log as a whole. */
import {
  createVirtualDisk,
  openVirtualDiskSync,
  type PortableVirtualDisk,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { assertEquals, assertThrows } from "@std/assert";
import { assertBytesEqual, pattern, TempDir } from "../../support.ts";

const SECTOR = 4096;
const AT = 3 * SECTOR;
const OLD = pattern(SECTOR, 1);
const NEW = pattern(SECTOR, 2);
const TORN = new Uint8Array([...NEW.subarray(0, 512), ...OLD.subarray(512)]);

/** Where the sector is in the file. */
function placeIn(disk: PortableVirtualDisk): number {
  const [extent] = disk.extents({ offset: AT, length: SECTOR });
  if (extent?.kind !== "file") throw new Error("the sector is not in the file");
  return extent.fileOffset;
}

/** What a sector is that was overwritten and flushed, and torn by a crash on its way into the block. */
async function afterCrash(path: string, sectorSize: 512 | 4096, atomicSectors: boolean) {
  const options = { size: 2 ** 24, sectorSize, backend: "portable" } as const;
  {
    using disk = await createVirtualDisk(path, options);
    disk.writeSync(OLD, AT);
  }
  using disk = openVirtualDiskSync(path, { backend: "portable", readOnly: false, atomicSectors });
  disk.writeSync(NEW, AT);
  const seen = new Uint8Array(SECTOR);
  disk.readSync(seen, AT);
  assertBytesEqual(seen, NEW, "the open disk");
  disk.flushSync();
  const left = `${path}.left`;
  Deno.copyFileSync(path, left);
  using file = Deno.openSync(left, { write: true });
  file.seekSync(placeIn(disk), Deno.SeekMode.Start);
  file.writeSync(TORN);
  using after = openVirtualDiskSync(left, { backend: "portable" });
  after.readSync(seen, AT);
  return seen;
}

Deno.test("a sector of 4096 bytes that is torn in its block is whole in the log", async () => {
  using dir = new TempDir();
  assertBytesEqual(await afterCrash(dir.file("disk.vhdx"), 4096, true), NEW);
});

Deno.test("without atomicSectors, and on disks with sectors of 512 bytes, data are written in place", async () => {
  using dir = new TempDir();
  assertBytesEqual(await afterCrash(dir.file("large.vhdx"), 4096, false), TORN);
  assertBytesEqual(await afterCrash(dir.file("small.vhdx"), 512, true), TORN);
  assertBytesEqual(await afterCrash(dir.file("disk.vhd"), 512, true), TORN);
});

Deno.test("sectors are logged after a resize and a compaction too", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  const options = { size: 2 ** 24, sectorSize: 4096, backend: "portable" } as const;
  (await createVirtualDisk(path, options)).close();
  using disk = openVirtualDiskSync(path, {
    backend: "portable",
    readOnly: false,
    atomicSectors: true,
  });
  disk.writeSync(OLD, AT);
  await disk.resize(2 ** 25);
  await disk.compact();
  disk.writeSync(NEW, AT);
  using file = Deno.openSync(path);
  file.seekSync(placeIn(disk), Deno.SeekMode.Start);
  const inPlace = new Uint8Array(SECTOR);
  file.readSync(inPlace);
  assertBytesEqual(inPlace, OLD, "the block, before a flush");
});

Deno.test("the native backend has no atomicSectors, and it is a boolean", () => {
  const open = (atomicSectors: unknown) => () =>
    openVirtualDiskSync("a.vhdx", {
      backend: "native",
      atomicSectors: atomicSectors as boolean,
    });
  assertEquals(assertThrows(open(true), VirtualDiskError).symbol, "ERROR_NOT_SUPPORTED");
  assertThrows(open("yes"), TypeError, "atomicSectors");
});
