import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { BLOCK_SIZES } from "../../images.ts";
import { assertBytesEqual, pattern, TempDir } from "../../support.ts";

const MIB = 2 ** 20;
const FORMATS = ["vhd", "vhdx"] as const;

/** An image whose even blocks hold zeros; gives the bytes of the disk. */
async function makeHalfZero(
  path: string,
  blocks: number,
  blockSize = 2 * MIB,
): Promise<Uint8Array<ArrayBuffer>> {
  using disk = await createImage(path, { size: blocks * blockSize, blockSize });
  const bytes = new Uint8Array(blocks * blockSize);
  for (let i = 0; i < blocks; i++) {
    const data = pattern(blockSize, i);
    disk.writeSync(data, i * blockSize);
    if (i % 2 === 0) disk.writeSync(new Uint8Array(blockSize), i * blockSize);
    else bytes.set(data, i * blockSize);
  }
  return bytes;
}

/** A child whose even blocks hold what its parent does; gives the bytes of the disk. */
async function makeHalfParents(
  path: string,
  blocks: number,
  blockSize: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const base = path.replace(".", "-parent.");
  const bytes = pattern(blocks * blockSize, 5);
  const parent = await createImage(base, { size: bytes.length, blockSize });
  parent.writeSync(bytes, 0);
  parent.close();
  using child = await createImage(path, { parent: base, blockSize });
  for (let i = 1; i < blocks; i += 2) bytes.set(pattern(blockSize, i), i * blockSize);
  child.writeSync(bytes, 0);
  return bytes;
}

const CANCELLED = FORMATS.flatMap((format) => [
  { title: `dynamic ${format}`, format, make: makeHalfZero },
  { title: `differencing ${format}`, format, make: makeHalfParents },
]);

for (const { title, format, make } of CANCELLED) {
  Deno.test(`compact(): compacting a ${title} that is cancelled gives back what was won, and can be done again`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    const bytes = await make(path, 24, BLOCK_SIZES[format]);
    const whole = dir.file(`whole.${format}`);
    Deno.copyFileSync(path, whole);
    const read = new Uint8Array(bytes.length);
    using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
    const sizes = [Deno.statSync(path).size];
    // However fast the machine is: by this clock every step is reported.
    const now = performance.now;
    let clock = 0;
    performance.now = () => clock += 20;
    try {
      // Blocks are looked at up to the half, then moved.
      for (const part of [0, 0.1, 0.4, 0.52, 0.56, 0.62]) {
        const cancelled = await assertRejects(() =>
          disk.compact({
            onProgress: ({ fraction }) => {
              if (fraction >= part) throw new Error(`cancelled at ${part}`);
            },
          })
        );
        assertEquals((cancelled as Error).message, `cancelled at ${part}`);
        const { size } = Deno.statSync(path);
        const free = await disk.compact({ dryRun: true, noZeroScan: true, noBlockMoves: true });
        assertEquals([free.releasedBlocks, free.fileSize], [0, size], "nothing is left at the end");
        sizes.push(size);
        disk.readSync(read, 0);
        assertBytesEqual(read, bytes);
      }
    } finally {
      performance.now = now;
    }
    assertEquals(sizes, sizes.toSorted((a, b) => b - a));
    const [unmoved, movedOne, movedMore] = sizes.slice(-3) as [number, number, number];
    assert(movedOne < unmoved && movedMore < movedOne, `${sizes} bytes`);
    const controller = new AbortController();
    const reason = new Error("no longer wanted");
    controller.abort(reason);
    assertEquals(await assertRejects(() => disk.compact({ signal: controller.signal })), reason);
    const { fileSize } = await disk.compact();
    using uninterrupted = await openVirtualDisk(whole, { backend: "portable", readOnly: false });
    assertEquals(fileSize, (await uninterrupted.compact()).fileSize);
    disk.readSync(read, 0);
    assertBytesEqual(read, bytes);
    uninterrupted.readSync(read, 0);
    assertBytesEqual(read, bytes);
    disk.writeSync(pattern(1000, 9), 4 * MIB + 100);
    bytes.set(pattern(1000, 9), 4 * MIB + 100);
    disk.close();
    using again = await openVirtualDisk(path, { backend: "portable" });
    again.readSync(read, 0);
    assertBytesEqual(read, bytes);
  });
}

for (const format of FORMATS) {
  Deno.test(`compact(): compacting a ${format} reports its progress, and keeps others away meanwhile`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    await makeHalfZero(path, 24, BLOCK_SIZES[format]);
    using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
    const fractions: number[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    // However fast the machine is: by this clock every step takes long enough for the others to have a turn.
    const now = performance.now;
    let clock = 0;
    performance.now = () => clock += 20;
    const running = disk.compact({ onProgress: ({ fraction }) => fractions.push(fraction) });
    try {
      for (
        const use of [
          () => disk.readSync(new Uint8Array(512), 0),
          () => disk.writeSync(new Uint8Array(512), 0),
          () => disk.getInformation("size"),
          () => disk.close(),
        ]
      ) {
        const error = assertThrows(use, VirtualDiskError);
        assertEquals(error.symbol, "ERROR_INVALID_STATE");
      }
      const second = await assertRejects(() => disk.compact(), VirtualDiskError);
      assertEquals(second.symbol, "ERROR_INVALID_STATE");
    } finally {
      await running;
      performance.now = now;
      clearInterval(timer);
    }
    assertEquals(fractions.at(-1), 1);
    assert(fractions.length > 1, "no step was reported");
    assertEquals(fractions, fractions.toSorted((a, b) => a - b));
    assert(turns > 0, "the event loop has had no turn");
  });

  Deno.test(`compact(): without a zero scan only free blocks of a ${format} go, and without moves none changes its place`, async () => {
    using dir = new TempDir();
    const path = dir.file(`disk.${format}`);
    await makeHalfZero(path, 8);
    using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
    const size = Deno.statSync(path).size;
    const unread = await disk.compact({ noZeroScan: true });
    assertEquals([unread.releasedBlocks, unread.movedBlocks, unread.fileSize], [0, 0, size]);
    const unmoved = await disk.compact({ noBlockMoves: true });
    assertEquals([unmoved.releasedBlocks, unmoved.movedBlocks], [4, 0]);
    const moved = await disk.compact({ noZeroScan: true });
    assertEquals([moved.releasedBlocks, moved.movedBlocks], [0, 2]);
    assert(moved.fileSize < unmoved.fileSize);
  });

  Deno.test(`compact(): a ${format} child gives back what its parent holds, and what hides it stays`, async () => {
    using dir = new TempDir();
    const [base, path] = [dir.file(`base.${format}`), dir.file(`child.${format}`)];
    const parent = await createImage(base, { size: 16 * MIB, blockSize: 2 * MIB });
    parent.writeSync(pattern(8 * MIB, 3), 0);
    parent.close();
    using child = await createImage(path, { parent: base, blockSize: 2 * MIB });
    const before = new Uint8Array(16 * MIB);
    child.writeSync(pattern(8 * MIB, 3).subarray(0, MIB), 0);
    child.writeSync(new Uint8Array(2 * MIB), 2 * MIB);
    child.writeSync(pattern(2 * MIB, 9), 10 * MIB);
    child.readSync(before, 0);
    const { identifier } = child.information();
    const { releasedBlocks } = await child.compact();
    // VHDX has a state for blocks of zeros; in a VHD they have to be there.
    assertEquals(releasedBlocks, format === "vhdx" ? 2 : 1);
    assertEquals(child.information().identifier, identifier);
    const after = new Uint8Array(16 * MIB);
    child.readSync(after, 0);
    assertBytesEqual(after, before);
    child.close();
    using alone = await openVirtualDisk(path, {
      backend: "portable",
      readOnly: false,
      flags: ["no-parents"],
    });
    assertEquals((await alone.compact()).releasedBlocks, 0);
  });
}

Deno.test("compact(): compacting is refused where it cannot be done, and nothing is written", async (t) => {
  using dir = new TempDir();
  for (const format of FORMATS) {
    const fixed = dir.file(`fixed.${format}`);
    (await createImage(fixed, { size: 4 * MIB, subtype: "fixed" })).close();
    await t.step(`a fixed ${format}`, async () => {
      const before = Deno.readFileSync(fixed);
      using disk = await openVirtualDisk(fixed, { backend: "portable", readOnly: false });
      const error = await assertRejects(() => disk.compact(), VirtualDiskError);
      assertEquals([error.symbol, error.operation], [
        "ERROR_VHD_INVALID_TYPE",
        "CompactVirtualDisk",
      ]);
      disk.close();
      assertBytesEqual(Deno.readFileSync(fixed), before);
    });
    const path = dir.file(`disk.${format}`);
    await makeHalfZero(path, 4);
    await t.step(`a ${format} open for reading, but for a trial`, async () => {
      const before = Deno.readFileSync(path);
      using disk = await openVirtualDisk(path, { backend: "portable" });
      const error = await assertRejects(() => disk.compact(), VirtualDiskError);
      assertEquals(error.symbol, "ERROR_ACCESS_DENIED");
      const { dryRun, releasedBlocks, fileSize } = await disk.compact({ dryRun: true });
      assertEquals([dryRun, releasedBlocks], [true, 2]);
      assert(fileSize < before.length);
      assertBytesEqual(Deno.readFileSync(path), before);
    });
  }
});

Deno.test("compact() and merge(): the disk of a machine with a saved state is neither compacted nor merged", async () => {
  using dir = new TempDir();
  const [base, child] = [dir.file("base.vhd"), dir.file("child.vhd")];
  (await createImage(base, { size: 4 * MIB })).close();
  (await createImage(child, { parent: base })).close();
  for (const offset of [0, Deno.statSync(child).size - 512]) setSavedState(child, offset);
  using disk = await openVirtualDisk(child, { backend: "portable", readOnly: false });
  for (const run of [() => disk.compact(), () => disk.merge()]) {
    const error = await assertRejects<VirtualDiskError>(run, VirtualDiskError);
    assertEquals(error.symbol, "ERROR_VHD_INVALID_STATE");
  }
});

/** Sets the byte of a footer, and its checksum. */
function setSavedState(path: string, offset: number): void {
  using file = Deno.openSync(path, { read: true, write: true });
  const footer = new Uint8Array(512);
  file.seekSync(offset, Deno.SeekMode.Start);
  file.readSync(footer);
  footer[84] = 1;
  footer.fill(0, 64, 68);
  const sum = footer.reduce((total, byte) => total + byte, 0);
  new DataView(footer.buffer).setUint32(64, ~sum >>> 0, false);
  file.seekSync(offset, Deno.SeekMode.Start);
  file.writeSync(footer);
}
