/** Dirty logs: QEMU replays a copy on disk, and what it then reads is what is read here without. */
import { createVirtualDisk, openVirtualDiskSync } from "@virtdisk/virtdisk";
import { assertEquals, assertThrows } from "@std/assert";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { assertBytesEqual, fileHash, pattern, run, TempDir, testWith } from "../support.ts";
import {
  batPage,
  type Change,
  dirtyVhdx,
  type EntrySpec,
  PAGE,
  putEntries,
} from "../portable/vhdx/log_builder.ts";
import { FIRST_BLOCK, MIB } from "../portable/vhdx/vhdx_builder.ts";
import { diskHash } from "./disk_hash.ts";
import { QEMU } from "./vhd_oracles.ts";
import { qemuRawVhdx } from "./vhdx_oracles.ts";

const page = (number: number, seed: number): Change => ({
  offset: FIRST_BLOCK + number * PAGE,
  page: pattern(PAGE, seed),
});
const zeros = (number: number, count: number): Change => ({
  offset: FIRST_BLOCK + number * PAGE,
  zeros: count * PAGE,
});

/** Logs: where the first entry lies, and the entries. */
const LOGS: Record<string, [number, readonly EntrySpec[]]> = {
  "one entry": [0, [{ sequence: 1n, changes: [page(3, 1)] }]],
  "an empty entry": [0, [{ sequence: 7n }]],
  "entries that overwrite each other": [8 * PAGE, [
    { sequence: 1n, changes: [page(0, 1), page(1, 1), zeros(2, 4)] },
    { sequence: 2n, tail: 8 * PAGE, changes: [page(1, 2), page(4, 2)] },
    { sequence: 3n, tail: 8 * PAGE, changes: [zeros(0, 1), page(5, 3)] },
  ]],
  // QEMU applies older entries too, which changes nothing as they are in the file by then.
  "entries that are no longer needed": [0, [
    { sequence: 1n, changes: [page(3, 0)] },
    { sequence: 2n, changes: [page(1, 2)] },
    { sequence: 3n, tail: 2 * PAGE, changes: [page(2, 3)] },
  ]],
  // With one more entry at the start of the log, QEMU would take that one for the whole sequence.
  "an entry around the end": [MIB - 3 * PAGE, [
    { sequence: 2n ** 63n, changes: [page(0, 1)] },
    { sequence: 2n ** 63n + 1n, tail: MIB - 3 * PAGE, changes: [page(1, 2), zeros(40, 3)] },
  ]],
  // QEMU refuses entries with more.
  "as many descriptors as one sector holds": [0, [{
    sequence: 5n,
    changes: Array.from({ length: 126 }, (_, i) => i % 7 === 0 ? zeros(i, 1) : page(i, i)),
  }]],
};

for (const [what, [position, entries]] of Object.entries(LOGS)) {
  testWith(QEMU, `openVirtualDisk(): a log with ${what} reads as QEMU replays it`, () => {
    using dir = new TempDir();
    const builder = dirtyVhdx();
    builder.append(new Uint8Array(MIB).fill(0x55));
    builder.bytes.set(pattern(PAGE), FIRST_BLOCK + 3 * PAGE);
    builder.bytes.set(batPageBytes(), 3 * MIB);
    const sized = entries.map((entry) => ({ flushed: 5 * MIB, last: 5 * MIB, ...entry }));
    putEntries(builder, position, ...sized);
    const [path, copy, raw] = ["dirty.vhdx", "copy.vhdx", "disk.raw"].map((each) => dir.file(each));
    Deno.writeFileSync(path!, builder.bytes);
    Deno.copyFileSync(path!, copy!);
    run("qemu-img", "check", "-q", "-r", "all", "-f", "vhdx", copy!);
    qemuRawVhdx(copy!, raw!);
    using file = ImageFile.open(path!);
    assertEquals(diskHash(openVhdx(file)), fileHash(raw!));
    assertEquals(Deno.readFileSync(path!), builder.bytes);
  });
}

testWith(
  QEMU,
  "openVirtualDisk(): QEMU replays data of sectors that were torn in their block",
  async () => {
    using dir = new TempDir();
    const [path, left] = [dir.file("disk.vhdx"), dir.file("left.vhdx")];
    const backend = "portable";
    {
      using disk = await createVirtualDisk(path, { size: 16 * MIB, sectorSize: 4096, backend });
      disk.writeSync(pattern(4 * PAGE, 1), 0);
    }
    using disk = openVirtualDiskSync(path, { readOnly: false, atomicSectors: true, backend });
    const sectors = pattern(2 * PAGE, 2);
    disk.writeSync(sectors, PAGE);
    disk.flushSync();
    Deno.copyFileSync(path, left);
    const [extent] = disk.extents({ offset: PAGE, length: 2 * PAGE });
    const place = extent?.kind === "file" ? extent.fileOffset : NaN;
    using file = Deno.openSync(left, { read: true, write: true });
    file.seekSync(place + 512, Deno.SeekMode.Start);
    file.writeSync(pattern(PAGE, 1));
    // It replays the log before it says that it takes no disks with such sectors.
    assertThrows(() => run("qemu-img", "check", "-r", "all", "-f", "vhdx", left));
    const seen = new Uint8Array(sectors.length);
    file.seekSync(place, Deno.SeekMode.Start);
    file.readSync(seen);
    assertBytesEqual(seen, sectors);
  },
);

/** The table's first page with block 0 in the file. */
function batPageBytes(): Uint8Array {
  const change = batPage(6, FIRST_BLOCK / MIB);
  return "page" in change ? change.page : new Uint8Array(PAGE);
}
