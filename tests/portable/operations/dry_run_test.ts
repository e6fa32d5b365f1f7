import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type CreateOptions,
  type MergeOptions,
  openVirtualDisk,
  type PortableVirtualDisk,
  type SmallestSafeSize,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { sampledRows } from "../../sampling.ts";
import { fileHash, pattern, TempDir } from "../../support.ts";
import { MemoryDisk } from "../partitions/partition_builder.ts";
import { BLOCK_SIZES, createChain, openImage } from "../../images.ts";

const MIB = 2 ** 20;
const FORMATS = ["vhd", "vhdx"] as const;

/** The names and contents of all files. */
function snapshot(dir: TempDir): Record<string, string> {
  const names = Array.from(Deno.readDirSync(dir.path), ({ name }) => name).sort();
  return Object.fromEntries(names.map((name) => [name, fileHash(dir.file(name))]));
}

async function failureOf(run: () => Promise<unknown>): Promise<string> {
  const { symbol, message } = await assertRejects(run, VirtualDiskError);
  return `${symbol}: ${message}`;
}

/** A GPT whose only partition ends at 4 MiB. */
function partition(disk: PortableVirtualDisk): void {
  const table = new MemoryDisk(disk.getInformation("size").virtualSize / 512);
  table.gpt([2048, 8191]);
  disk.writeSync(table.bytes, 0);
}

const RESIZES: readonly [name: string, options: CreateOptions, size: number | SmallestSafeSize][] =
  [
    ["fixed.vhd", { size: 8 * MIB, subtype: "fixed" }, 100 * MIB],
    ["dynamic.vhd", { size: 8 * MIB }, 2040 * 2 ** 30],
    ["fixed.vhdx", { size: 8 * MIB, subtype: "fixed" }, 100 * MIB],
    ["dynamic.vhdx", { size: 8 * MIB, blockSize: MIB }, 2 ** 40],
    ["dynamic.vhdx", { size: 8 * MIB }, "smallest-safe"],
    ["dynamic.vhdx", { size: 8 * MIB }, 6 * MIB],
    ["disk.raw", { size: 8 * MIB, type: "raw" }, 16 * MIB],
  ];

Deno.test("resize() as a dry run tells what it would do, and changes nothing", async (t) => {
  for (const [name, options, size] of sampledRows(RESIZES, 2)) {
    await t.step(`${name} to ${size}`, async () => {
      using dir = new TempDir();
      {
        using disk = await createImage(dir.file(name), options);
        partition(disk);
      }
      const type = options.type === "raw" ? { type: "raw" } as const : {};
      const before = snapshot(dir);
      using reader = await openVirtualDisk(dir.file(name), { backend: "portable", ...type });
      const foreseen = await reader.resize(size, { dryRun: true });
      assertEquals(reader.getInformation("size").virtualSize, 8 * MIB);
      reader.close();
      assertEquals(snapshot(dir), before);
      using writer = await openVirtualDisk(dir.file(name), {
        backend: "portable",
        readOnly: false,
        ...type,
      });
      assertEquals(await writer.resize(size, { dryRun: true }), foreseen);
      assertEquals(snapshot(dir), before);
      const done = await writer.resize(size);
      assertEquals([done.dryRun, foreseen], [false, { ...done, dryRun: true }]);
      assertEquals(writer.getInformation("size").virtualSize, done.virtualSize);
    });
  }
});

Deno.test("resize(): a dry run of resizing sees what was written before, and refuses what resizing refuses", async () => {
  using dir = new TempDir();
  using disk = await createImage(dir.file("a.vhdx"), { size: 8 * MIB });
  partition(disk);
  assertEquals((await disk.resize(16 * MIB, { dryRun: true })).partitionTable, "gpt");
  for (const size of [3 * MIB, 8 * MIB + 1, 2 ** 47, 0]) {
    const real = await failureOf(() => disk.resize(size));
    assertEquals(await failureOf(() => disk.resize(size, { dryRun: true })), real);
  }
  disk.close();
  (await createImage(dir.file("child.vhdx"), { parent: dir.file("a.vhdx") })).close();
  const before = snapshot(dir);
  using again = await openImage(dir.file("a.vhdx"), true);
  const refused = await failureOf(() => again.expand(16 * MIB, { dryRun: true }));
  assert(refused.startsWith("ERROR_VHD_INVALID_STATE") && refused.includes("child.vhdx"), refused);
  await again.expand(16 * MIB, { dryRun: true, ignoreChildren: true });
  assertEquals(snapshot(dir), before);
});

async function makeChain(
  dir: TempDir,
  format: keyof typeof BLOCK_SIZES,
  depth: number,
): Promise<void> {
  const blockSize = BLOCK_SIZES[format];
  const paths = Array.from({ length: depth }, (_, i) => dir.file(`${i}.${format}`));
  await createChain(paths, { size: 8 * blockSize, blockSize }, (disk, i) => {
    disk.writeSync(pattern(1.5 * blockSize, i), i * blockSize + 512);
  });
}

for (const format of FORMATS) {
  Deno.test(`merge(): a dry run of merging a ${format} tells what the merge does, and changes nothing`, async () => {
    const rows: MergeOptions[] = [
      {},
      { depth: 2, removeChild: true },
      { sourceDepth: 2 },
      { sourceDepth: 2, targetDepth: 4, removeChild: true },
      { into: "new" },
    ];
    for (const row of sampledRows(rows, 2, 1)) {
      using dir = new TempDir();
      await makeChain(dir, format, 4);
      const options = { ...row, ...(row.into && { into: dir.file(`new.${format}`) }) };
      const before = snapshot(dir);
      using reader = await openImage(dir.file(`3.${format}`), true);
      const foreseen = await reader.merge({ ...options, dryRun: true });
      assertEquals([reader.closed, reader.parents.length], [false, 3]);
      reader.close();
      assertEquals(snapshot(dir), before);
      using disk = await openImage(dir.file(`3.${format}`), false);
      assertEquals(await disk.merge({ ...options, dryRun: true }), foreseen);
      assertEquals(snapshot(dir), before);
      const done = await disk.merge(options);
      assertEquals([done.dryRun, foreseen], [false, { ...done, dryRun: true }]);
    }
  });

  Deno.test(`merge(): a dry run of merging a ${format} refuses what the merge refuses`, async () => {
    using dir = new TempDir();
    await makeChain(dir, format, 3);
    const path = (depth: number) => dir.file(`${depth}.${format}`);
    const before = snapshot(dir);
    const rows: [what: string, options: MergeOptions, inUse?: string][] = [
      ["depth", { depth: 3 }],
      ["target in use", { depth: 2 }, path(0)],
      ["middle in use", { depth: 2 }, path(1)],
      ["new file there", { into: path(0) }],
      ["depth with into", { into: dir.file("new.vhdx"), depth: 1 }],
    ];
    for (const [what, options, inUse] of rows) {
      using disk = await openImage(path(2), false);
      using _other = inUse === undefined ? undefined : await openVirtualDisk(inUse, {
        backend: "portable",
        flags: ["no-parents"],
      });
      const real = await failureOf(() => disk.merge(options));
      assertEquals(await failureOf(() => disk.merge({ ...options, dryRun: true })), real, what);
    }
    using base = await openImage(path(0), true);
    assert((await failureOf(() => base.merge({ dryRun: true }))).includes("INVALID_TYPE"));
    assertEquals(snapshot(dir), before);
  });
}

Deno.test("merge(): a dry run refuses the merge of a machine's disk whose state is saved", async () => {
  using dir = new TempDir();
  await makeChain(dir, "vhd", 2);
  // The saved state byte of the footer, at its end and in its copy, with the checksum that follows from it.
  const bytes = Deno.readFileSync(dir.file("0.vhd"));
  for (const offset of [0, bytes.length - 512]) {
    const footer = new DataView(bytes.buffer, offset, 512);
    footer.setUint8(84, 1);
    footer.setUint32(64, footer.getUint32(64) - 1);
  }
  Deno.writeFileSync(dir.file("0.vhd"), bytes);
  const before = snapshot(dir);
  using disk = await openImage(dir.file("1.vhd"), false);
  const real = await failureOf(() => disk.merge());
  assert(real.startsWith("ERROR_VHD_INVALID_STATE"), real);
  assertEquals(await failureOf(() => disk.merge({ dryRun: true })), real);
  assertEquals(snapshot(dir), before);
});
