/** Making a range zeros, in every kind of image, and what other programs then read. */
import { assertEquals, assertThrows } from "@std/assert";
import { createVirtualDisk, openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { sampledRows } from "../sampling.ts";
import { assertBytesEqual, run, TempDir, testWith, tool } from "../support.ts";

const MIB = 1024 * 1024;
const SIZE = 8 * MIB;
const backend = "portable";
const KINDS = [
  { type: "vhd", subtype: "fixed" },
  { type: "vhd", subtype: "dynamic" },
  { type: "vhd", subtype: "differencing" },
  { type: "vhdx", subtype: "fixed" },
  { type: "vhdx", subtype: "dynamic" },
  { type: "vhdx", subtype: "differencing" },
] as const;
/** First byte and number: within a sector, across blocks, whole blocks, to the end. */
const RANGES = [[100, 50], [MIB - 700, 1400], [MIB, 2 * MIB], [3 * MIB - 5, MIB + 10], [
  SIZE - 513,
  513,
], [0, 0]] as const;

/** An image of the kind, full of ones, and so is its parent. */
async function fullDisk(dir: TempDir, { type, subtype }: (typeof KINDS)[number]) {
  const path = dir.file(`disk.${type}`);
  const ones = new Uint8Array(SIZE).fill(1);
  if (subtype !== "differencing") {
    const disk = await createVirtualDisk(path, {
      type,
      subtype,
      size: SIZE,
      backend,
      ...subtype === "dynamic" && type === "vhdx" ? { blockSize: MIB } : {},
    });
    disk.writeSync(ones, 0);
    return disk;
  }
  const parent = dir.file(`base.${type}`);
  using base = await createVirtualDisk(parent, { type, size: SIZE, backend });
  base.writeSync(ones, 0);
  base.close();
  const disk = await createVirtualDisk(path, { type, parent, backend });
  // Some blocks are the child's own, wholly or in part.
  disk.writeSync(ones.subarray(0, MIB / 2), MIB);
  return disk;
}

for (const [i, kind] of KINDS.entries()) {
  const title = `${kind.subtype} ${kind.type}`;
  Deno.test(`PortableVirtualDisk.zeroSync: a ${title} reads as zeros there, and as before elsewhere`, async (t) => {
    // What one kind leaves out of the sample, the next one has.
    for (const [offset, length] of sampledRows(RANGES, 2, i)) {
      await t.step(`${length} bytes from ${offset} on`, async () => {
        using dir = new TempDir();
        const expected = new Uint8Array(SIZE).fill(1);
        expected.fill(0, offset, offset + length);
        using disk = await fullDisk(dir, kind);
        disk.zeroSync(offset, length);
        const bytes = new Uint8Array(SIZE);
        disk.readSync(bytes, 0);
        assertBytesEqual(bytes, expected);
        disk.close();
        using again = await openVirtualDisk(dir.file(`disk.${kind.type}`), { backend });
        again.readSync(bytes, 0);
        assertBytesEqual(bytes, expected);
      });
    }
  });

  if (kind.subtype === "differencing") continue;
  testWith(
    [tool("qemu-img")],
    `PortableVirtualDisk.zeroSync: QEMU reads the zeros of a ${title}`,
    async () => {
      using dir = new TempDir();
      const expected = new Uint8Array(SIZE).fill(1);
      using disk = await fullDisk(dir, kind);
      for (const [offset, length] of RANGES) {
        disk.zeroSync(offset, length);
        expected.fill(0, offset, offset + length);
      }
      disk.close();
      const path = dir.file(`disk.${kind.type}`);
      const format = kind.type === "vhd" ? "vpc" : "vhdx";
      run("qemu-img", "convert", "-f", format, "-O", "raw", path, dir.file("raw"));
      const raw = Deno.readFileSync(dir.file("raw"));
      // QEMU takes the size of a VHD from its geometry.
      assertBytesEqual(raw.subarray(0, SIZE), expected);
    },
  );
}

Deno.test("PortableVirtualDisk.zeroSync: whole blocks of a dynamic disk and of a VHDX child take no space", async () => {
  for (const kind of KINDS.filter(({ subtype }) => subtype !== "fixed")) {
    using dir = new TempDir();
    using disk = await fullDisk(dir, kind);
    disk.zeroSync(0, SIZE);
    const kinds = new Set([...disk.extents()].map((extent) => extent.kind));
    const hasNoState = kind.type === "vhd" && kind.subtype === "differencing";
    assertEquals([...kinds], [hasNoState ? "file" : "zero"], `${kind.subtype} ${kind.type}`);
  }
});

Deno.test("PortableVirtualDisk.zeroSync: what was trimmed is said to be zeros, in parts of blocks too", async () => {
  using dir = new TempDir();
  using disk = await fullDisk(dir, { type: "vhdx", subtype: "dynamic" });
  disk.trimSync(0, 2 * MIB);
  disk.zeroSync(0, MIB);
  const reasons = [...disk.extents({ length: 2 * MIB })].map((extent) =>
    extent.kind === "zero" ? extent.reason : extent.kind
  );
  assertEquals(reasons, ["zero", "trimmed"]);
  disk.zeroSync(MIB + 512, 512);
  assertEquals([...disk.extents({ offset: MIB + 512, length: 512 })].map(({ kind }) => kind), [
    "file",
  ]);
});

Deno.test("PortableVirtualDisk.zeroSync: with allocate the zeros take space", async () => {
  for (const type of ["vhd", "vhdx"] as const) {
    using dir = new TempDir();
    using disk = await createVirtualDisk(dir.file(`a.${type}`), { size: SIZE, backend });
    disk.zeroSync(MIB, 3 * MIB, { allocate: true });
    const kinds = [...disk.extents({ offset: MIB, length: 3 * MIB })].map(({ kind }) => kind);
    assertEquals([...new Set(kinds)], ["file"], type);
    const bytes = new Uint8Array(SIZE);
    disk.readSync(bytes, 0);
    assertBytesEqual(bytes, new Uint8Array(SIZE));
  }
});

Deno.test("PortableVirtualDisk.zeroSync: a wrong range, and a disk that was opened for reading", async () => {
  using dir = new TempDir();
  using disk = await createVirtualDisk(dir.file("a.vhdx"), { size: SIZE, backend });
  assertThrows(() => disk.zeroSync(-1, 1), RangeError);
  assertThrows(() => disk.zeroSync(0, 1.5), RangeError);
  const beyond = assertThrows(() => disk.zeroSync(SIZE - 1, 2), VirtualDiskError);
  assertEquals(beyond.symbol, "ERROR_SECTOR_NOT_FOUND");
  disk.close();
  using reader = await openVirtualDisk(dir.file("a.vhdx"), { backend });
  assertEquals(reader.readOnly, true);
  const denied = assertThrows(() => reader.zeroSync(0, 1), VirtualDiskError);
  assertEquals(denied.symbol, "ERROR_ACCESS_DENIED");
});
