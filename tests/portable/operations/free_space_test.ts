/** What compacting gives back of the free space of file systems, and that nothing else is lost. */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  checkVirtualDisk,
  type CompactOptions,
  type CompleteCompactionReport,
  createVirtualDisk,
  openVirtualDisk,
  type PartitionSpace,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { isAllZero } from "../../../src/bytes/zeros.ts";
import type { FreeRange } from "../../../src/portable/filesystems/file_system.ts";
import { sampledRows } from "../../sampling.ts";
import { assertBytesEqual, fileHash, run, TempDir, testWith, tool } from "../../support.ts";
import {
  contentsOf,
  dumpedRanges,
  e2,
  E2FSPROGS,
  fillAndEmpty,
  makeExt,
  ZEROFREE,
} from "../filesystems/ext_images.ts";

const MiB = 2 ** 20;

const KINDS = [
  { type: "vhd", blockSize: 512 * 1024 },
  { type: "vhd", blockSize: 2 * MiB },
  { type: "vhdx", blockSize: MiB },
  { type: "vhdx", blockSize: 32 * MiB },
] as const;
type Kind = (typeof KINDS)[number];

/** A dynamic image of the bytes of a raw disk. */
async function imageOf(raw: string, path: string, { type, blockSize }: Kind): Promise<void> {
  const source = { source: raw, sourceType: "raw", type, blockSize, backend: "portable" } as const;
  (await createVirtualDisk(path, source)).close();
}

async function compact(path: string, options: CompactOptions): Promise<CompleteCompactionReport> {
  const readOnly = options.dryRun ?? false;
  using disk = await openVirtualDisk(path, { backend: "portable", readOnly });
  return await disk.compact(options);
}

/** The bytes of the disk, as a file for tools. */
async function unpack(path: string, raw: string): Promise<Uint8Array<ArrayBuffer>> {
  using disk = await openVirtualDisk(path, { backend: "portable" });
  const bytes = new Uint8Array(disk.getInformation("size").virtualSize);
  disk.readSync(bytes, 0);
  Deno.writeFileSync(raw, bytes);
  return bytes;
}

/** What was free is zeros now, or as it was, block by block; everything else is as it was. */
function assertOnlyFreed(
  after: Uint8Array,
  before: Uint8Array,
  free: readonly FreeRange[],
  blockSize: number,
): void {
  const expected = new Uint8Array(before);
  for (const { offset, length } of free) {
    for (let at = offset; at < offset + length;) {
      const end = Math.min(offset + length, (Math.floor(at / blockSize) + 1) * blockSize);
      if (isAllZero(after.subarray(at, end))) expected.fill(0, at, end);
      at = end;
    }
  }
  assertBytesEqual(after, expected);
}

for (const kind of sampledRows(KINDS, 2)) {
  const title = `${kind.type} with blocks of ${kind.blockSize / 1024} KiB`;
  testWith(
    [...E2FSPROGS, ZEROFREE, tool("qemu-img")],
    `compact(): compacting a ${title} gives back what an ext4 leaves free`,
    async () => {
      using dir = new TempDir();
      const raw = dir.file("raw.img");
      // So much that a whole block is free.
      const removed = 2 * kind.blockSize + 16 * MiB;
      makeExt(raw, removed + 32 * MiB, "-t", "ext4", "-b", "4096");
      const files = fillAndEmpty(dir, raw, { seed: 3, largest: 2 * MiB, removed });
      const contents = contentsOf(dir, raw, files);
      const before = Deno.readFileSync(raw);
      const free = dumpedRanges(raw);

      const path = dir.file(`disk.${kind.type}`);
      await imageOf(raw, path, kind);
      const plain = await compact(path, { dryRun: true });
      const dry = await compact(path, { dryRun: true, freeSpace: true });
      const report = await compact(path, { freeSpace: true });
      assertEquals({ ...dry, dryRun: false }, report);
      assert(report.fileSize < plain.fileSize, `${report.fileSize} of ${plain.fileSize} bytes`);
      const [{ reclaimableBytes, ...partition }] = report.freeSpace!.partitions as [PartitionSpace];
      assertEquals(partition, {
        offset: 0,
        length: before.length,
        fileSystem: "ext4",
        blockSize: 4096,
        freeBytes: free.reduce((sum, { length }) => sum + length, 0),
      });
      assert(reclaimableBytes! <= report.releasedBlocks * kind.blockSize);
      const again = await compact(path, { freeSpace: true });
      assertEquals([again.releasedBlocks, again.fileSize], [0, report.fileSize]);
      if (kind.type === "vhdx") run("qemu-img", "check", "-q", "-f", "vhdx", path);
      const { sound, findings } = await checkVirtualDisk(path);
      assert(sound, JSON.stringify(findings));

      const after = await unpack(path, raw);
      e2("e2fsck", "-fn", raw);
      assertEquals(contentsOf(dir, raw, files), contents);
      assertOnlyFreed(after, before, free, kind.blockSize);

      // The ideal is what a disk takes whose free blocks somebody else has overwritten with zeros.
      run("/usr/sbin/zerofree", raw);
      const ideal = dir.file(`ideal.${kind.type}`);
      await imageOf(raw, ideal, kind);
      const left = report.fileSize - Deno.statSync(ideal).size;
      assert(left <= kind.blockSize, `${left} bytes are left to be won`);
    },
  );
}

for (const type of ["vhd", "vhdx"] as const) {
  testWith(
    E2FSPROGS,
    `compact(): a ${type} child gives back what is free in it, and hides its parent`,
    async () => {
      using dir = new TempDir();
      const raw = dir.file("raw.img");
      const size = 48 * MiB;
      makeExt(raw, size, "-t", "ext4", "-b", "1024");
      fillAndEmpty(dir, raw, { seed: 4, largest: 2 * MiB, removed: 8 * MiB });
      const old = Deno.readFileSync(raw);
      const files = fillAndEmpty(dir, raw, {
        seed: 5,
        largest: 3 * MiB,
        removed: 20 * MiB,
        prefix: "b",
      });
      const contents = contentsOf(dir, raw, files);
      const before = Deno.readFileSync(raw);
      const free = dumpedRanges(raw);

      const base = dir.file(`base.${type}`);
      Deno.writeFileSync(raw, old);
      await imageOf(raw, base, { type, blockSize: 2 * MiB } as Kind);
      const path = dir.file(`child.${type}`);
      {
        using child = await createVirtualDisk(path, { parent: base, backend: "portable" });
        for (let at = 0; at < size; at += 65536) {
          const [now, then] = [before, old].map((bytes) => bytes.subarray(at, at + 65536));
          if (Buffer.compare(now!, then!) !== 0) child.writeSync(now!, at);
        }
      }
      const parentHash = fileHash(base);
      const plain = await compact(path, { dryRun: true });
      const report = await compact(path, { freeSpace: true });
      if (type === "vhdx") assert(report.releasedBlocks > plain.releasedBlocks);
      assertEquals(fileHash(base), parentHash, "the parent has changed");
      assertEquals((await compact(path, { freeSpace: true })).releasedBlocks, 0);
      const after = await unpack(path, raw);
      assertOnlyFreed(after, before, free, 512);
      e2("e2fsck", "-fn", raw);
      assertEquals(contentsOf(dir, raw, files), contents);
    },
  );
}

testWith(
  E2FSPROGS,
  "compact(): nothing is given back in a parent, unless its children may be lost",
  async () => {
    using dir = new TempDir();
    const raw = dir.file("raw.img");
    makeExt(raw, 16 * MiB, "-t", "ext4");
    fillAndEmpty(dir, raw, { seed: 6, largest: MiB, removed: 4 * MiB });
    const base = dir.file("base.vhdx");
    await imageOf(raw, base, { type: "vhdx", blockSize: MiB });
    const child = dir.file("child.vhdx");
    (await createVirtualDisk(child, { parent: base, backend: "portable" })).close();
    const before = fileHash(base);
    for (const dryRun of [true, false]) {
      const error = await assertRejects(
        () => compact(base, { freeSpace: true, dryRun }),
        VirtualDiskError,
        "the disk is the parent of",
      );
      assertEquals(error.symbol, "ERROR_VHD_INVALID_STATE");
    }
    assertEquals(fileHash(base), before);
    const { releasedBlocks } = await compact(base, { freeSpace: true, ignoreChildren: true });
    assert(releasedBlocks > 0);
    // What the child knows its parent by has changed, for what it held has.
    await assertRejects(
      () => openVirtualDisk(child, { backend: "portable" }),
      VirtualDiskError,
    );
  },
);

testWith(
  [...E2FSPROGS, ZEROFREE],
  "createVirtualDisk(): a copy without free space is as small as it can be",
  async () => {
    using dir = new TempDir();
    const raw = dir.file("raw.img");
    makeExt(raw, 64 * MiB, "-t", "ext4", "-b", "1024");
    const files = fillAndEmpty(dir, raw, { seed: 8, largest: 2 * MiB, removed: 30 * MiB });
    const contents = contentsOf(dir, raw, files);
    const source = dir.file("source.vhdx");
    await imageOf(raw, source, { type: "vhdx", blockSize: 32 * MiB });
    const expected = Deno.readFileSync(raw);
    const free = dumpedRanges(raw);
    for (const { offset, length } of free) expected.fill(0, offset, offset + length);

    const target = dir.file("target.vhdx");
    const options = { type: "vhdx", blockSize: MiB, backend: "portable" } as const;
    (await createVirtualDisk(target, { ...options, source, freeSpace: true })).close();
    assertBytesEqual(await unpack(target, raw), expected);
    e2("e2fsck", "-fn", raw);
    assertEquals(contentsOf(dir, raw, files), contents);
    const ideal = dir.file("ideal.vhdx");
    await imageOf(raw, ideal, { type: "vhdx", blockSize: MiB });
    assertEquals(Deno.statSync(target).size, Deno.statSync(ideal).size);
    assertEquals((await compact(target, { freeSpace: true })).releasedBlocks, 0);
    {
      using disk = await openVirtualDisk(source, { backend: "portable" });
      const stream = await disk.imageStream({ type: "vhdx", blockSize: MiB, freeSpace: true });
      const bytes = new Uint8Array(await new Response(stream.readable).arrayBuffer());
      assertEquals(bytes.length, stream.byteLength);
      Deno.writeFileSync(target, bytes);
    }
    assertBytesEqual(await unpack(target, raw), expected);
  },
);

Deno.test("createVirtualDisk(): free space is left out of copies alone, and of no stream", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  const options = { backend: "portable", freeSpace: true } as const;
  for (
    const source of [{ size: MiB }, { source: new Blob([new Uint8Array(MiB)]).stream(), size: MiB }]
  ) {
    const error = await assertRejects(
      () => createVirtualDisk(path, { ...options, ...source }),
      VirtualDiskError,
      "`freeSpace`",
    );
    assertEquals(error.symbol, "ERROR_INVALID_PARAMETER");
  }
});

testWith(E2FSPROGS, "compact(): a file system that is in use is kept whole", async () => {
  using dir = new TempDir();
  const raw = dir.file("raw.img");
  makeExt(raw, 16 * MiB, "-t", "ext4");
  fillAndEmpty(dir, raw, { seed: 6, largest: MiB, removed: 4 * MiB });
  e2("debugfs", "-w", "-R", "feature needs_recovery", raw);
  const path = dir.file("disk.vhdx");
  await imageOf(raw, path, { type: "vhdx", blockSize: MiB });
  const before = await unpack(path, dir.file("copy.img"));
  const plain = await compact(path, { dryRun: true });
  const { freeSpace, ...report } = await compact(path, { freeSpace: true });
  assertEquals({ ...report, dryRun: true }, plain);
  assertEquals(freeSpace, {
    freeBytes: 0,
    partitions: [{
      offset: 0,
      length: 16 * MiB,
      fileSystem: "ext4",
      reason: "its journal must be replayed: it was not unmounted cleanly",
    }],
  });
  assertBytesEqual(await unpack(path, dir.file("copy.img")), before);
});
