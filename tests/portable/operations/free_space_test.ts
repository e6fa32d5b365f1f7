/** What compacting gives back of the free space of file systems, and that nothing else is lost. */
import { assert, assertEquals } from "@std/assert";
import {
  checkVirtualDisk,
  type CompactOptions,
  type CompleteCompactionReport,
  createVirtualDisk,
  openVirtualDisk,
  type PartitionSpace,
} from "@virtdisk/virtdisk";
import { isAllZero } from "../../../src/bytes/zeros.ts";
import type { FreeRange } from "../../../src/portable/filesystems/file_system.ts";
import { assertBytesEqual, run, TempDir, testWith, tool } from "../../support.ts";
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

for (const kind of KINDS) {
  const title = `${kind.type} with blocks of ${kind.blockSize / 1024} KiB`;
  testWith(
    [...E2FSPROGS, ZEROFREE, tool("qemu-img")],
    `compacting a ${title} gives back what an ext4 leaves free`,
    async () => {
      using dir = new TempDir();
      const raw = dir.file("raw.img");
      makeExt(raw, 144 * MiB, "-t", "ext4", "-b", "4096");
      const files = fillAndEmpty(dir, raw, { seed: 3, largest: 4 * MiB, removed: 66 * MiB });
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
