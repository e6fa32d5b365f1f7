import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type MergeOptions, openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { sampledRows } from "../../sampling.ts";
import { assertBytesEqual, pattern, TempDir } from "../../support.ts";
import { BLOCK_SIZES, createChain, openImage } from "../../images.ts";

const MIB = 2 ** 20;
const sizeOf = (format: Format) => 8 * BLOCK_SIZES[format];
const FORMATS = ["vhd", "vhdx"] as const;

type Format = (typeof FORMATS)[number];

/** A chain; gives what each disk of it holds. */
async function makeChain(
  dir: TempDir,
  format: Format,
  depth: number,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const blockSize = BLOCK_SIZES[format];
  const bytes = new Uint8Array(sizeOf(format));
  const disks: Uint8Array<ArrayBuffer>[] = [];
  const paths = Array.from({ length: depth }, (_, i) => dir.file(`${i}.${format}`));
  await createChain(paths, { size: bytes.length, blockSize }, (disk, i) => {
    // Of two blocks, one and a half.
    const data = pattern(1.5 * blockSize, i);
    disk.writeSync(data, i * blockSize + 512);
    bytes.set(data, i * blockSize + 512);
    disks.push(bytes.slice());
  });
  return disks;
}

async function assertDisk(path: string, expected: Uint8Array): Promise<void> {
  using disk = await openImage(path, true);
  const bytes = new Uint8Array(expected.length);
  disk.readSync(bytes, 0);
  assertBytesEqual(bytes, expected, path);
}

for (const format of FORMATS) {
  Deno.test(`merge(): a ${format} is merged over as many parents as asked for, and stays as it is`, async () => {
    const rows: [MergeOptions, target: number, merged: number[]][] = [
      [{}, 2, [3]],
      [{ depth: 1 }, 2, [3]],
      [{ depth: 3 }, 0, [3, 2, 1]],
      [{ sourceDepth: 2 }, 1, [2]],
      [{ sourceDepth: 2, targetDepth: 4 }, 0, [2, 1]],
    ];
    for (const [options, target, merged] of sampledRows(rows, 2, 1)) {
      using dir = new TempDir();
      const path = (depth: number) => dir.file(`${depth}.${format}`);
      const disks = await makeChain(dir, format, 4);
      using disk = await openImage(path(3));
      const report = await disk.merge(options);
      assertEquals(report, {
        path: path(target),
        merged: merged.map(path),
        removed: false,
        dryRun: false,
      });
      assertEquals(disk.parents, [2, 1, 0].map(path));
      disk.writeSync(new Uint8Array(100), 5);
      disk.close();
      await assertDisk(path(target), disks[merged[0]!]!);
      const leaf = disks[3]!.slice().fill(0, 5, 105);
      await assertDisk(path(3), leaf);
    }
  });

  Deno.test(`merge(): a ${format} is not merged beneath children that it knows nothing of`, async () => {
    const rows: [MergeOptions, leaf: number, childOf: number, isRefused: boolean][] = [
      [{}, 2, 1, true],
      [{}, 2, 0, false],
      [{}, 2, 2, false],
      [{ removeChild: true }, 2, 2, true],
      [{ depth: 2 }, 3, 2, true],
      [{ depth: 2 }, 3, 1, true],
      [{ sourceDepth: 2 }, 3, 2, false],
      [{ sourceDepth: 2 }, 3, 1, true],
      [{ dryRun: true }, 2, 1, true],
    ];
    for (const [options, leaf, childOf, isRefused] of sampledRows(rows, 4)) {
      using dir = new TempDir();
      const path = (depth: number) => dir.file(`${depth}.${format}`);
      const disks = await makeChain(dir, format, leaf + 1);
      const other = dir.file(`other.${format}`);
      (await createImage(other, { parent: path(childOf) })).close();
      using disk = await openImage(path(leaf));
      if (isRefused) {
        const error = await assertRejects(() => disk.merge(options), VirtualDiskError);
        assertEquals(error.symbol, "ERROR_VHD_INVALID_STATE", JSON.stringify(options));
        const [parent, child] = [path(childOf), other].map((name) => JSON.stringify(name));
        assertStringIncludes(error.message, `${parent}: the disk is the parent of ${child},`);
        await disk.merge({ ...options, ignoreChildren: true });
      } else {
        await disk.merge(options);
        disk.close();
        await assertDisk(other, disks[childOf]!);
      }
    }
  });

  Deno.test(`merge(): the files of a merged ${format} go when that is asked for`, async () => {
    using dir = new TempDir();
    const disks = await makeChain(dir, format, 4);
    using disk = await openImage(dir.file(`3.${format}`));
    const { removed } = await disk.merge({ depth: 2, removeChild: true });
    assertEquals([removed, disk.closed], [true, true]);
    const names = Array.from(Deno.readDirSync(dir.path), ({ name }) => name).sort();
    assertEquals(names, [`0.${format}`, `1.${format}`]);
    await assertDisk(dir.file(`1.${format}`), disks[3]!);
  });

  Deno.test(`merge(): a ${format} from the middle of a chain goes, and its child has another parent`, async () => {
    using dir = new TempDir();
    const disks = await makeChain(dir, format, 5);
    const path = (depth: number) => dir.file(`${depth}.${format}`);
    {
      using disk = await openImage(path(4));
      const refused = await assertRejects(
        () => disk.merge({ sourceDepth: 3, removeChild: true }),
        VirtualDiskError,
      );
      assertEquals(refused.symbol, "ERROR_ACCESS_DENIED");
      const report = await disk.merge({ sourceDepth: 2, targetDepth: 4, removeChild: true });
      assertEquals(report, {
        path: path(1),
        merged: [path(3), path(2)],
        removed: true,
        dryRun: false,
      });
      assertEquals([disk.closed, disk.parents], [false, [path(1), path(0)]]);
      const bytes = new Uint8Array(sizeOf(format));
      disk.readSync(bytes, 0);
      assertBytesEqual(bytes, disks[4]!);
    }
    const names = Array.from(Deno.readDirSync(dir.path), ({ name }) => name).sort();
    assertEquals(names, [0, 1, 4].map((depth) => `${depth}.${format}`));
    await assertDisk(path(4), disks[4]!);
    await assertDisk(path(1), disks[3]!);
  });

  Deno.test(`merge(): a ${format} goes from a chain, and the children of its child stay valid`, async () => {
    using dir = new TempDir();
    const disks = await makeChain(dir, format, 5);
    const path = (depth: number) => dir.file(`${depth}.${format}`);
    using disk = await openVirtualDisk(path(4), {
      backend: "portable",
      access: ["all"],
      rwDepth: 2,
    });
    await disk.merge({ sourceDepth: 3, removeChild: true });
    assertEquals(disk.parents, [path(3), path(1), path(0)]);
    disk.close();
    await assertDisk(path(4), disks[4]!);
    await assertDisk(path(3), disks[3]!);
  });

  Deno.test(`merge(): a ${format} goes from a chain whose other files are open for writing too`, async () => {
    using dir = new TempDir();
    const disks = await makeChain(dir, format, 4);
    const path = (depth: number) => dir.file(`${depth}.${format}`);
    using disk = await openVirtualDisk(path(3), {
      backend: "portable",
      access: ["all"],
      rwDepth: 2,
    });
    const { removed } = await disk.merge({ sourceDepth: 2, removeChild: true });
    assertEquals([removed, disk.closed, disk.parents], [true, false, [path(1), path(0)]]);
    disk.close();
    await assertDisk(path(3), disks[3]!);
    await assertDisk(path(1), disks[2]!);
  });

  Deno.test(`merge(): a chain of ${format} images is merged into a new file, and left alone`, async () => {
    using dir = new TempDir();
    const disks = await makeChain(dir, format, 3);
    const paths = [2, 1, 0].map((depth) => dir.file(`${depth}.${format}`));
    const before = paths.map((path) => Deno.readFileSync(path));
    using disk = await openImage(paths[0]!, true);
    for (const other of FORMATS) {
      const path = dir.file(`new.${other}`);
      assertEquals(await disk.merge({ into: path }), {
        path,
        merged: paths,
        removed: false,
        dryRun: false,
      });
      await assertDisk(path, disks[2]!);
      using made = await openImage(path, true);
      assertEquals(made.getInformation("providerSubtype"), "dynamic");
      if (format !== "vhdx" || other !== "vhdx") continue;
      assertEquals(made.getInformation("virtualDiskId"), disk.getInformation("virtualDiskId"));
    }
    for (const [i, path] of paths.entries()) assertBytesEqual(Deno.readFileSync(path), before[i]!);
  });

  Deno.test(`merge(): merging a ${format} that is cancelled leaves the chain sound, and can be done again`, async () => {
    using dir = new TempDir();
    const disks = await makeChain(dir, format, 3);
    const [leaf, base] = [dir.file(`2.${format}`), dir.file(`0.${format}`)];
    for (const part of sampledRows([0, 0.2, 0.6, 1], 2, 1)) {
      using disk = await openImage(leaf);
      const reason = new Error("cancelled");
      const onProgress = ({ fraction }: { fraction: number }) => {
        if (fraction >= part) throw reason;
      };
      assertEquals(await assertRejects(() => disk.merge({ depth: 2, onProgress })), reason);
      const bytes = new Uint8Array(sizeOf(format));
      disk.readSync(bytes, 0);
      assertBytesEqual(bytes, disks[2]!);
      disk.close();
      await assertDisk(leaf, disks[2]!);
    }
    using disk = await openImage(leaf);
    await disk.merge({ depth: 2 });
    disk.close();
    await assertDisk(base, disks[2]!);
  });

  Deno.test(`merge(): a ${format} is not merged into a parent that is in use`, async () => {
    using dir = new TempDir();
    const disks = await makeChain(dir, format, 2);
    const [leaf, base] = [dir.file(`1.${format}`), dir.file(`0.${format}`)];
    using disk = await openImage(leaf);
    const reader = await openImage(base, true);
    const error = await assertRejects(() => disk.merge(), VirtualDiskError);
    assertEquals([error.symbol, error.operation], ["ERROR_SHARING_VIOLATION", "MergeVirtualDisk"]);
    const bytes = new Uint8Array(sizeOf(format));
    disk.readSync(bytes, 0);
    assertBytesEqual(bytes, disks[1]!);
    reader.close();
    await disk.merge();
  });
}

Deno.test("merge(): a merge that the chain does not allow is refused before anything is written", async (t) => {
  using dir = new TempDir();
  await makeChain(dir, "vhdx", 3);
  const path = dir.file("2.vhdx");
  const wrong = "ERROR_INVALID_PARAMETER";
  const rows: [MergeOptions, symbol: string, remedy: string][] = [
    [{ depth: 0 }, wrong, "higher number"],
    [{ depth: 3 }, wrong, "chain ends before"],
    [{ depth: 1, sourceDepth: 1 }, wrong, "`depth` alone"],
    [{ sourceDepth: 0 }, wrong, "higher number"],
    [{ sourceDepth: 2, targetDepth: 2 }, wrong, "higher number"],
    [{ sourceDepth: 3 }, wrong, "chain ends before"],
    [{ sourceDepth: 2, targetDepth: 4, removeChild: true }, wrong, "chain ends before"],
    [{ into: dir.file("new.vhdx"), depth: 1 }, wrong, "or `into`"],
    [{ into: dir.file("new.vhdx"), removeChild: true }, wrong, "or `into`"],
    [{ into: dir.file("new.iso") }, wrong, ".vhd or .vhdx"],
    [{ into: dir.file("0.vhdx") }, "ERROR_FILE_EXISTS", "another name"],
  ];
  const before = [0, 1, 2].map((depth) => Deno.readFileSync(dir.file(`${depth}.vhdx`)));
  using disk = await openImage(path);
  for (const [options, symbol, remedy] of rows) {
    await t.step(JSON.stringify(options), async () => {
      const error = await assertRejects(() => disk.merge(options), VirtualDiskError);
      assertEquals(error.symbol, symbol);
      assertStringIncludes(error.causes.join(" "), remedy);
    });
  }
  disk.close();
  await t.step("of a disk open for reading", async () => {
    using reader = await openImage(path, true);
    const error = await assertRejects(() => reader.merge(), VirtualDiskError);
    assertEquals(error.symbol, "ERROR_ACCESS_DENIED");
  });
  await t.step("of a disk open without its parents", async () => {
    using alone = await openVirtualDisk(path, {
      backend: "portable",
      readOnly: false,
      flags: ["no-parents"],
    });
    for (const options of [{}, { into: dir.file("new.vhdx") }]) {
      const error = await assertRejects(() => alone.merge(options), VirtualDiskError);
      assertEquals(error.symbol, "ERROR_VHD_INVALID_STATE");
    }
  });
  await t.step("of a disk without parent", async () => {
    using base = await openImage(dir.file("0.vhdx"));
    const error = await assertRejects(() => base.merge(), VirtualDiskError);
    assertEquals(error.symbol, "ERROR_VHD_INVALID_TYPE");
  });
  for (const [depth, bytes] of before.entries()) {
    assertBytesEqual(Deno.readFileSync(dir.file(`${depth}.vhdx`)), bytes);
  }
});

Deno.test("merge(): a merged VHDX parent takes over the size and the identity of its child", async () => {
  using dir = new TempDir();
  await makeChain(dir, "vhdx", 2);
  const size = sizeOf("vhdx") + 5 * MIB;
  const id = "12345678-1234-1234-1234-123456789abc";
  using child = await openImage(dir.file("1.vhdx"));
  await child.resize(size);
  child.setInformation("virtualDiskId", id);
  child.writeSync(pattern(MIB), size - 3 * MIB);
  const bytes = new Uint8Array(size);
  child.readSync(bytes, 0);
  await child.merge({ removeChild: true });
  await assertDisk(dir.file("0.vhdx"), bytes);
  using parent = await openImage(dir.file("0.vhdx"), true);
  assertEquals(parent.getInformation("virtualDiskId"), id);
  assertEquals(parent.getInformation("size").virtualSize, size);
  assert((await parent.check()).sound);
});

Deno.test("merge() and compact(): VHDX images of 4096-byte sectors are merged and compacted, whatever their blocks", async () => {
  using dir = new TempDir();
  const [base, middle, leaf] = ["base", "middle", "leaf"].map((name) => dir.file(`${name}.vhdx`));
  const size = 16 * MIB;
  const expected = new Uint8Array(size);
  {
    using disk = await createImage(base!, { size, sectorSize: 4096, blockSize: 8 * MIB });
    disk.writeSync(pattern(5 * MIB), 3 * 4096);
    expected.set(pattern(5 * MIB), 3 * 4096);
  }
  {
    using disk = await createImage(middle!, { parent: base!, blockSize: MIB });
    // Parts of sectors, and zeros over what the parent has.
    disk.writeSync(pattern(100, 2), 777);
    disk.writeSync(new Uint8Array(2 * MIB), MIB + 5);
    expected.set(pattern(100, 2), 777);
    expected.fill(0, MIB + 5, 3 * MIB + 5);
  }
  using disk = await createImage(leaf!, { parent: middle!, blockSize: 4 * MIB });
  disk.writeSync(pattern(5000, 3), 15 * MIB);
  disk.trimSync(4 * MIB, 4 * MIB);
  expected.set(pattern(5000, 3), 15 * MIB);
  expected.fill(0, 4 * MIB, 8 * MIB);
  await disk.merge({ depth: 2, removeChild: true });
  using merged = await openVirtualDisk(base!, { backend: "portable", readOnly: false });
  const { releasedBlocks } = await merged.compact();
  assertEquals([releasedBlocks, merged.getInformation("size").sectorSize], [0, 4096]);
  const bytes = new Uint8Array(size);
  merged.readSync(bytes, 0);
  assertBytesEqual(bytes, expected);
});

Deno.test("merge(): a disk can neither be written nor closed before the files that were merged are gone", async () => {
  using dir = new TempDir();
  const disks = await makeChain(dir, "vhdx", 3);
  const path = (depth: number) => dir.file(`${depth}.vhdx`);
  using disk = await openImage(path(2));
  let refusals = 0;
  const disturb = async () => {
    for (; !disk.closed; refusals++) {
      const writing = assertThrows(() => disk.writeSync(new Uint8Array(512), 0), VirtualDiskError);
      const closing = assertThrows(() => disk.close(), VirtualDiskError);
      assertEquals([writing.symbol, closing.symbol], Array(2).fill("ERROR_INVALID_STATE"));
      await Promise.resolve();
    }
  };
  let disturbing: Promise<void> | undefined;
  const { removed } = await disk.merge({
    depth: 2,
    removeChild: true,
    onProgress: ({ fraction }) => {
      // From here on nothing but promises is left to be awaited.
      if (fraction === 1) disturbing ??= disturb();
    },
  });
  await disturbing;
  assertEquals(removed, true);
  assert(refusals > 0);
  assertEquals(Array.from(Deno.readDirSync(dir.path), ({ name }) => name), ["0.vhdx"]);
  await assertDisk(path(0), disks[2]!);
});
