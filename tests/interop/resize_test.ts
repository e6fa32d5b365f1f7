/** Disks partitioned by other programs, resized here, and looked at by other programs again. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type CreateOptions,
  createVirtualDisk,
  openVirtualDisk,
  type PortableVirtualDisk,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { everySo, sampledRows } from "../sampling.ts";
import { assertBytesEqual, pattern, run, TempDir, testWith, tool } from "../support.ts";
import { makePartitioned } from "./sgdisk.ts";

const MIB = 2 ** 20;
const SECTOR = 512;
const NEEDS = [tool("qemu-img"), tool("sgdisk")];
/** Two partitions, the last of which ends at 25 MiB. */
const TWO_PARTITIONS = ["-n", "1:2048:+8M", "-n", "2:18432:+16M"];
const LAST_END = 25 * MIB;
/** What a GPT of 128 entries keeps at the end: 32 sectors of entries, and one of a header. */
const BACKUP = 33 * SECTOR;

interface Kind {
  readonly name: string;
  readonly qemu: string;
  readonly options: CreateOptions;
}

const KINDS: readonly Kind[] = [
  { name: "disk.vhd", qemu: "vpc", options: { subtype: "fixed" } },
  { name: "disk.vhd", qemu: "vpc", options: { subtype: "dynamic" } },
  { name: "disk.vhdx", qemu: "vhdx", options: { subtype: "fixed" } },
  { name: "disk.vhdx", qemu: "vhdx", options: { subtype: "dynamic" } },
];

/** A disk of 64 MiB with partitions and data in them, as an image of the kind. */
async function partitioned(
  dir: TempDir,
  { name, options }: Pick<Kind, "name" | "options">,
  ...partitions: string[]
): Promise<PortableVirtualDisk> {
  const raw = dir.file("source.raw");
  makePartitioned(raw, 64 * MIB, ...partitions);
  const disk = await createVirtualDisk(dir.file(name), {
    ...options,
    source: raw,
    sourceType: "raw",
    backend: "portable",
  });
  disk.writeSync(pattern(3 * MIB), MIB);
  disk.writeSync(pattern(MIB, 7), LAST_END - MIB);
  return disk;
}

function createEmpty(path: string): string {
  Deno.writeFileSync(path, new Uint8Array());
  return path;
}

/**
 * Closes the disk; QEMU makes a raw one of it, which sgdisk must find nothing wrong with.
 *
 * @returns All of the raw one that the tests have written to.
 */
function verified(dir: TempDir, disk: PortableVirtualDisk, qemu: string): Uint8Array<ArrayBuffer> {
  const { virtualSize } = disk.getInformation("size");
  disk.close();
  const raw = dir.file("result.raw");
  if (qemu === "vhdx") run("qemu-img", "check", "-q", "-f", qemu, disk.path);
  run("qemu-img", "convert", "-f", qemu, "-O", "raw", disk.path, raw);
  assertEquals(Deno.statSync(raw).size, virtualSize);
  assertStringIncludes(run("sgdisk", "-v", raw), "No problems found");
  using file = Deno.openSync(raw);
  const bytes = new Uint8Array(LAST_END);
  assertEquals(file.readSync(bytes), LAST_END);
  return bytes;
}

for (const subformat of ["dynamic", "fixed"]) {
  testWith(
    NEEDS,
    `resize(): QEMU sees all of a ${subformat} VHD of its own that was resized`,
    async () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhd");
      // Its size is that of a geometry, which QEMU then trusts; this one is not.
      run("qemu-img", "create", "-q", "-f", "vpc", "-o", `subformat=${subformat}`, path, "5M");
      using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
      await disk.resize(7 * MIB);
      disk.writeSync(pattern(MIB, 3), 6 * MIB);
      disk.close();
      const raw = dir.file("result.raw");
      run("qemu-img", "convert", "-f", "vpc", "-O", "raw", path, raw);
      const bytes = Deno.readFileSync(raw);
      assertEquals(bytes.length, 7 * MIB);
      assertBytesEqual(bytes.subarray(6 * MIB), pattern(MIB, 3));
    },
  );
}

testWith(
  NEEDS,
  "resize(): a VHDX whose file QEMU ended in the middle of a block grows",
  async () => {
    using dir = new TempDir();
    const path = dir.file("disk.vhdx");
    const raw = dir.file("disk.raw");
    Deno.writeFileSync(raw, pattern(3 * MIB));
    const options = "subformat=fixed,block_size=32M,block_state_zero=off";
    run("qemu-img", "convert", "-f", "raw", "-O", "vhdx", "-o", options, raw, path);
    using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
    await disk.resize(12 * MIB);
    disk.close();
    run("qemu-img", "check", "-q", "-f", "vhdx", path);
    run("qemu-img", "convert", "-f", "vhdx", "-O", "raw", path, raw);
    const expected = new Uint8Array(12 * MIB);
    expected.set(pattern(3 * MIB));
    assertBytesEqual(Deno.readFileSync(raw), expected);
  },
);

function assertData(bytes: Uint8Array): void {
  assertBytesEqual(bytes.subarray(MIB, 4 * MIB), pattern(3 * MIB), "first partition");
  assertBytesEqual(bytes.subarray(LAST_END - MIB, LAST_END), pattern(MIB, 7), "last partition");
}

for (const [i, kind] of KINDS.entries()) {
  const title = `${kind.options.subtype} ${kind.qemu === "vpc" ? "VHD" : "VHDX"}`;
  for (const size of sampledRows([100 * MIB, 300 * MIB + SECTOR, 64 * MIB + 10 * SECTOR], 3, i)) {
    testWith(
      [...NEEDS, ...everySo(3, i)],
      `a ${title} grown to ${size} bytes has its GPT at the new end`,
      async () => {
        using dir = new TempDir();
        using disk = await partitioned(dir, kind, ...TWO_PARTITIONS);
        const report = await disk.expand(size);
        assertEquals(report, {
          virtualSize: size,
          previousSize: 64 * MIB,
          dryRun: false,
          partitionTable: "gpt",
          growablePartition: {
            number: 2,
            offset: 9 * MIB,
            length: 16 * MIB,
            maximumLength: size - BACKUP - 9 * MIB,
          },
        });
        assertEquals(disk.getInformation("size").virtualSize, size);
        assertEquals(disk.getInformation("smallestSafeVirtualSize"), LAST_END + BACKUP);
        assertData(verified(dir, disk, kind.qemu));
      },
    );
  }
}

for (const [i, subtype] of (["fixed", "dynamic"] as const).entries()) {
  testWith(
    [...NEEDS, ...everySo(2, i)],
    `resize(): a ${subtype} VHDX shrinks to what its partitions need, and no further`,
    async () => {
      using dir = new TempDir();
      using disk = await partitioned(
        dir,
        {
          name: "disk.vhdx",
          options: { subtype, blockSize: subtype === "fixed" ? undefined! : MIB },
        },
        ...TWO_PARTITIONS,
      );
      const before = disk.getInformation("size").physicalSize;
      const error = await assertRejects(() => disk.resize(LAST_END), VirtualDiskError);
      assertEquals(error.symbol, "ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA");
      const { virtualSize, growablePartition } = await disk.resize("smallest-safe");
      assertEquals([virtualSize, growablePartition], [LAST_END + BACKUP, undefined]);
      const again = await assertRejects(() => disk.resize("smallest-safe"), VirtualDiskError);
      assertEquals(again.symbol, "ERROR_VHD_ALREADY_AT_OR_BELOW_MINIMUM_VIRTUAL_SIZE");
      if (subtype === "fixed") {
        assertEquals(disk.getInformation("size").physicalSize < before, true);
      }
      assertData(verified(dir, disk, "vhdx"));
    },
  );
}

testWith(
  NEEDS,
  "resize(): a disk that grew without its GPT is put right by the same size again",
  async () => {
    using dir = new TempDir();
    const raw = dir.file("disk.raw");
    makePartitioned(raw, 64 * MIB, ...TWO_PARTITIONS);
    Deno.truncateSync(raw, 80 * MIB);
    {
      using disk = await openVirtualDisk(raw, {
        backend: "portable",
        type: "raw",
        readOnly: false,
      });
      await disk.resize(80 * MIB);
    }
    assertStringIncludes(run("sgdisk", "-v", raw), "No problems found");
  },
);

testWith(
  NEEDS,
  "resize(): an empty GPT is at the new end too, but does not tell how much is in use",
  async () => {
    using dir = new TempDir();
    using disk = await partitioned(dir, { name: "disk.vhdx", options: {} }, "-o");
    const grown = await disk.expand(100 * MIB);
    assertEquals(grown, {
      virtualSize: 100 * MIB,
      previousSize: 64 * MIB,
      dryRun: false,
      partitionTable: "gpt",
    });
    const unknown = await assertRejects(() => disk.resize(50 * MIB), VirtualDiskError);
    assertEquals(unknown.symbol, "ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE");
    const safest = await assertRejects(() => disk.resize("smallest-safe"), VirtualDiskError);
    assertEquals(safest.symbol, "ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE");
    assertData(verified(dir, disk, "vhdx"));
    using again = await openVirtualDisk(disk.path, { backend: "portable", readOnly: false });
    await again.resize(50 * MIB, { allowUnsafe: true });
    assertData(verified(dir, again, "vhdx"));
  },
);

testWith(
  NEEDS,
  "resize(): a GPT with a hybrid MBR moves as well, and the record stays",
  async () => {
    using dir = new TempDir();
    using disk = await partitioned(dir, { name: "disk.vhdx", options: {} }, ...TWO_PARTITIONS);
    disk.close();
    const raw = dir.file("source.raw");
    run("sgdisk", "-h", "2", raw);
    const options = {
      source: raw,
      sourceType: "raw",
      overwrite: true,
      backend: "portable",
    } as const;
    using hybrid = await createVirtualDisk(disk.path, options);
    hybrid.writeSync(pattern(3 * MIB), MIB);
    hybrid.writeSync(pattern(MIB, 7), LAST_END - MIB);
    const record = Deno.readFileSync(raw).subarray(0, SECTOR);
    assertEquals((await hybrid.resize("smallest-safe")).virtualSize, LAST_END + BACKUP);
    await hybrid.expand(100 * MIB);
    const bytes = verified(dir, hybrid, "vhdx");
    assertData(bytes);
    assertBytesEqual(bytes.subarray(0, SECTOR), record);
  },
);

testWith(
  [tool("sfdisk"), tool("sh")],
  "resize(): an MBR with logical partitions tells the smallest size",
  async () => {
    using dir = new TempDir();
    const raw = dir.file("disk.raw");
    Deno.truncateSync(createEmpty(raw), 64 * MIB);
    const script =
      "label: dos\\n1:size=8M,type=7\\n2:size=24M,type=5\\n5:size=8M,type=83\\n6:size=4M,type=83\\n";
    run("sh", "-c", `printf '${script}' | sfdisk -q "$0"`, raw);
    using disk = await createVirtualDisk(dir.file("disk.vhdx"), {
      source: raw,
      sourceType: "raw",
      backend: "portable",
    });
    // The extended partition ends the disk, whatever is in it.
    assertEquals(disk.getInformation("smallestSafeVirtualSize"), 33 * MIB);
    const report = await disk.resize("smallest-safe");
    assertEquals([report.virtualSize, report.partitionTable], [33 * MIB, "mbr"]);
    disk.close();
    run("qemu-img", "convert", "-f", "vhdx", "-O", "raw", disk.path, raw);
    assertStringIncludes(run("sfdisk", "--verify", raw), "No errors detected.");
  },
);

testWith(
  [tool("fdisk"), tool("sh")],
  "resize(): a GPT of 4096-byte sectors moves as well",
  async () => {
    using dir = new TempDir();
    const raw = dir.file("disk.raw");
    Deno.truncateSync(createEmpty(raw), 64 * MIB);
    const fdisk = (commands: string) =>
      run("sh", "-c", `printf '${commands}' | fdisk -b 4096 "$0" 2>&1`, raw);
    fdisk("g\\nn\\n1\\n\\n+8M\\nw\\n");
    using disk = await createVirtualDisk(dir.file("disk.vhdx"), {
      source: raw,
      sourceType: "raw",
      sectorSize: 4096,
      backend: "portable",
    });
    assertEquals(disk.getInformation("smallestSafeVirtualSize"), 9 * MIB + 5 * 4096);
    await disk.resize(9 * MIB + 5 * 4096);
    await disk.expand(100 * MIB);
    disk.close();
    // QEMU reads no VHDX of such sectors.
    const options = {
      source: disk.path,
      type: "raw",
      overwrite: true,
      backend: "portable",
    } as const;
    using _copy = await createVirtualDisk(raw, options);
    assertEquals(Deno.statSync(raw).size, 100 * MIB);
    assertStringIncludes(fdisk("v\\nq\\n"), "No errors detected.");
  },
);
