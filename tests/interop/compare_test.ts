/** Comparisons and maps, held against byte arrays and against QEMU's. */
import { Buffer } from "node:buffer";
import { assertEquals, assertRejects } from "@std/assert";
import {
  compareVirtualDisks,
  type DifferentRange,
  openVirtualDisk,
  virtualDiskChanges,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { Random } from "../fuzz/random.ts";
import { everySo, sampledRounds, sampledRows } from "../sampling.ts";
import { pattern, run, TempDir, testWith, tool } from "../support.ts";

const MIB = 1 << 20;
const SIZE = 6 * MIB + 1536;

/** Where two arrays differ, sector by sector; the shorter one goes on with zeros. */
function expectedRanges(first: Uint8Array, second: Uint8Array): DifferentRange[] {
  const ranges: { offset: number; length: number }[] = [];
  const size = Math.max(first.length, second.length);
  for (let offset = 0; offset < size; offset += 512) {
    const end = Math.min(size, offset + 512);
    const sector = (disk: Uint8Array) => {
      const bytes = disk.subarray(offset, end);
      return bytes.length === end - offset ? bytes : padded(bytes, end - offset);
    };
    if (Buffer.compare(sector(first), sector(second)) === 0) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += end - offset;
    else ranges.push({ offset, length: end - offset });
  }
  return ranges;
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const longer = new Uint8Array(length);
  longer.set(bytes);
  return longer;
}

/** Writes at random, to the image and to the array. */
async function scribble(path: string, disk: Uint8Array, random: Random): Promise<void> {
  using image = await openVirtualDisk(path, { backend: "portable", readOnly: false });
  for (let i = 0; i < 12; i++) {
    const offset = random.below(disk.length);
    const length = Math.min(disk.length - offset, random.below(random.pick([3, 700, 200_000])));
    const bytes = random.chance(20) ? new Uint8Array(length) : pattern(length, random.below(250));
    image.writeSync(bytes, offset);
    disk.set(bytes, offset);
  }
}

const FORMATS = ["vhd", "vhdx", "raw"] as const;

const ORDERED_PAIRS = FORMATS.flatMap((a) => FORMATS.map((b) => [a, b] as const));

for (const [i, [a, b]] of ORDERED_PAIRS.entries()) {
  testWith(
    [tool("qemu-img"), ...everySo(4, i + 1)],
    `compareVirtualDisks() of ${a} and ${b} tells every sector`,
    async () => {
      using dir = new TempDir();
      const random = new Random(FORMATS.indexOf(a) * 3 + FORMATS.indexOf(b));
      const [one, other] = [dir.file(`one.${a}`), dir.file(`other.${b}`)];
      const [first, second] = [new Uint8Array(SIZE), new Uint8Array(SIZE)];
      const seeds = random.uint32();
      for (const [path, type, disk] of [[one, a, first], [other, b, second]] as const) {
        if (type === "raw") Deno.writeFileSync(path, new Uint8Array(SIZE));
        else (await createImage(path, { size: SIZE, type })).close();
        if (type !== "raw") await scribble(path, disk, new Random(seeds));
        else {
          const scratch = dir.file("scratch.vhdx");
          (await createImage(scratch, { size: SIZE })).close();
          await scribble(scratch, disk, new Random(seeds));
          Deno.writeFileSync(path, disk);
          Deno.removeSync(scratch);
        }
      }
      const types = { firstType: a, secondType: b };
      assertEquals(await Array.fromAsync(compareVirtualDisks(one, other, types)), []);
      assertEquals(qemuCompares(one, a, other, b), 0);
      if (b === "raw") {
        second[4 * MIB + 7]! ^= 1;
        Deno.writeFileSync(other, second);
      } else await scribble(other, second, random);
      const found = await Array.fromAsync(compareVirtualDisks(one, other, types));
      assertEquals(found, expectedRanges(first, second));
      assertEquals(found.length > 0, true);
      assertEquals(qemuCompares(one, a, other, b), 1);
    },
  );
}

/** The exit status of `qemu-img compare`: 0 for disks that are alike, 1 for others. */
function qemuCompares(one: string, a: string, other: string, b: string, ...options: string[]) {
  const format = (type: string) => type === "vhd" ? "vpc" : type;
  return new Deno.Command("qemu-img", {
    args: ["compare", "-q", ...options, "-f", format(a), "-F", format(b), one, other],
    stdout: "null",
    stderr: "null",
  }).outputSync().code;
}

/** A disk: its size, and where it has four KiB of data. */
interface Contents {
  readonly size: number;
  readonly data: readonly number[];
}

const SMALL: Contents = { size: 4 * MIB, data: [0, 3 * MIB] };
/** With SMALL: the ranges in which they differ, compared strictly and else. */
const OTHERS: Record<string, Contents & Record<"ranges" | "strictRanges", DifferentRange[]>> = {
  "the same": { ...SMALL, ranges: [], strictRanges: [] },
  "a larger one that ends with zeros": {
    ...SMALL,
    size: 6 * MIB,
    ranges: [],
    strictRanges: [{ offset: 4 * MIB, length: 2 * MIB }],
  },
  "a larger one that ends with data": {
    size: 6 * MIB,
    data: [...SMALL.data, 5 * MIB],
    ranges: [{ offset: 5 * MIB, length: 4096 }],
    strictRanges: [{ offset: 4 * MIB, length: 2 * MIB }],
  },
  "a larger one with data from where the smaller one ends": {
    size: 6 * MIB,
    data: [...SMALL.data, 4 * MIB],
    ranges: [{ offset: 4 * MIB, length: 4096 }],
    strictRanges: [{ offset: 4 * MIB, length: 2 * MIB }],
  },
  "one of the same size with other data": {
    size: 4 * MIB,
    data: [...SMALL.data, 2 * MIB],
    ranges: [{ offset: 2 * MIB, length: 4096 }],
    strictRanges: [{ offset: 2 * MIB, length: 4096 }],
  },
  "a larger one with other data up to the end of the smaller one": {
    size: 6 * MIB,
    data: [...SMALL.data, 4 * MIB - 4096],
    ranges: [{ offset: 4 * MIB - 4096, length: 4096 }],
    strictRanges: [{ offset: 4 * MIB - 4096, length: 2 * MIB + 4096 }],
  },
};

async function imageWith(path: string, { size, data }: Contents, type: typeof FORMATS[number]) {
  using disk = await createImage(path, { size, type });
  for (const offset of data) disk.writeSync(pattern(4096), offset);
}

const PAIRS = FORMATS.flatMap((a, i) => FORMATS.slice(i).map((b) => [a, b] as const));

for (const [i, [a, b]] of PAIRS.entries()) {
  const title = `${a} and ${b} are alike, strictly and else, where QEMU says so`;
  testWith([tool("qemu-img"), ...everySo(2, i + 1)], title, async (t) => {
    const rows = sampledRows(Object.entries(OTHERS), 6, i);
    for (const [name, { ranges, strictRanges, ...contents }] of rows) {
      await t.step(name, async () => {
        using dir = new TempDir();
        const [one, other] = [dir.file(`one.${a}`), dir.file(`other.${b}`)];
        await imageWith(one, SMALL, a);
        await imageWith(other, contents, b);
        for (
          const [first, firstType, second, secondType] of [[one, a, other, b], [
            other,
            b,
            one,
            a,
          ]] as const
        ) {
          const compared = (strict: boolean) =>
            Array.fromAsync(compareVirtualDisks(first, second, { firstType, secondType, strict }));
          assertEquals(await compared(false), ranges);
          assertEquals(await compared(true), strictRanges);
          const qemu = (...options: string[]) =>
            qemuCompares(first, firstType, second, secondType, ...options);
          assertEquals(qemu(), ranges.length > 0 ? 1 : 0);
          // QEMU also asks, strictly, whether the same is stored: no two formats store alike.
          assertEquals(qemu("-s"), strictRanges.length > 0 || a !== b ? 1 : 0);
        }
      });
    }
  });
}

for (const type of ["vhd", "vhdx"] as const) {
  Deno.test(`virtualDiskChanges() tells what a ${type} child changes, and no more`, async () => {
    for (let seed = 0; seed < sampledRounds(3); seed++) {
      using dir = new TempDir();
      const random = new Random(seed);
      const [base, middle, leaf] = ["base", "middle", "leaf"].map((name) =>
        dir.file(`${name}.${type}`)
      ) as [string, string, string];
      const disk = new Uint8Array(SIZE);
      (await createImage(base, { size: SIZE })).close();
      await scribble(base, disk, random);
      (await createImage(middle, { parent: base })).close();
      const before = disk.slice();
      await scribble(middle, disk, random);
      const found = await Array.fromAsync(virtualDiskChanges(middle));
      assertEquals(found, expectedRanges(disk, before));
      (await createImage(leaf, { parent: middle })).close();
      assertEquals(await Array.fromAsync(virtualDiskChanges(leaf)), []);
      assertEquals(await Array.fromAsync(compareVirtualDisks(leaf, base)), found);
    }
  });
}

Deno.test("compareVirtualDisks(): disks of different sizes are alike where the larger one ends with zeros", async () => {
  using dir = new TempDir();
  const [small, large] = [dir.file("small.raw"), dir.file("large.vhdx")];
  Deno.writeFileSync(small, pattern(MIB + 100));
  {
    using disk = await createImage(large, { size: 4 * MIB });
    disk.writeSync(pattern(MIB + 100), 0);
  }
  const options = { firstType: "raw" } as const;
  assertEquals(await Array.fromAsync(compareVirtualDisks(small, large, options)), []);
  {
    using disk = await openVirtualDisk(large, { backend: "portable", readOnly: false });
    disk.writeSync(new Uint8Array([1]), MIB + 200);
    disk.writeSync(new Uint8Array([1]), 4 * MIB - 1);
  }
  assertEquals(await Array.fromAsync(compareVirtualDisks(small, large, options)), [
    { offset: MIB, length: 512 },
    { offset: 4 * MIB - 512, length: 512 },
  ]);
  // The smaller one ends within a sector.
  assertEquals(
    await Array.fromAsync(compareVirtualDisks(small, large, { ...options, strict: true })),
    [
      { offset: MIB, length: 3 * MIB },
    ],
  );
});

Deno.test("compareVirtualDisks(): what a child has in common with its parent is not read", async () => {
  using dir = new TempDir();
  const [base, child] = [dir.file("base.vhd"), dir.file("child.vhd")];
  (await createImage(base, { size: 2 ** 36, subtype: "dynamic" })).close();
  (await createImage(child, { parent: base })).close();
  assertEquals(await Array.fromAsync(compareVirtualDisks(child, base)), []);
  const seen: number[] = [];
  const onProgress = ({ fraction }: { fraction: number }) => void seen.push(fraction);
  await Array.fromAsync(virtualDiskChanges(child, { onProgress }));
  assertEquals(seen.at(-1), 1);
});

Deno.test("compareVirtualDisks(): comparing can be cancelled, and tells a disk without parent apart", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  (await createImage(path, { size: 4 * MIB })).close();
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(
    () => Array.fromAsync(compareVirtualDisks(path, path, { signal })),
    Error,
    "enough",
  );
  const error = await assertRejects(
    () => Array.fromAsync(virtualDiskChanges(path)),
    VirtualDiskError,
  );
  assertEquals(error.symbol, "ERROR_VHD_INVALID_TYPE");
  // Nothing is left open: a writer gets the file.
  (await openVirtualDisk(path, { backend: "portable", readOnly: false })).close();
});

/** An image that QEMU made, with three pieces written. */
function qemuImage(path: string, format: "vpc" | "vhdx", options: string): void {
  run("qemu-img", "create", "-q", "-f", format, "-o", options, path, `${12 * MIB}`);
  const commands = [0, 5 * MIB, 11 * MIB].flatMap((at) => ["-c", `write -q -P 3 ${at} 4096`]);
  run("qemu-io", "-f", format, ...commands, path);
}

const QEMU = [tool("qemu-img"), tool("qemu-io")];

testWith(QEMU, "extents() say of QEMU's VHD what qemu-img map does", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhd");
  qemuImage(path, "vpc", "force_size=on");
  using disk = await openVirtualDisk(path, { backend: "portable" });
  const found = [...disk.extents()].map((extent) => ({
    start: extent.offset,
    length: extent.length,
    ...(extent.kind === "file" ? { offset: extent.fileOffset } : {}),
  }));
  const map: { start: number; length: number; offset?: number; data: boolean }[] = JSON.parse(
    run("qemu-img", "map", "-f", "vpc", "--output=json", path),
  );
  assertEquals(
    found,
    map.map(({ start, length, offset, data }) => ({ start, length, ...(data ? { offset } : {}) })),
  );
  assertEquals(found.length, 5);
});

testWith(QEMU, "extents() tell the zeros that QEMU's VHDX says there are", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  qemuImage(path, "vhdx", "block_size=1M");
  using disk = await openVirtualDisk(path, { backend: "portable" });
  const reasons = [...disk.extents()].map((each) => each.kind === "zero" ? each.reason : each.kind);
  assertEquals(reasons, ["file", "zero", "file", "zero", "file"]);
});

Deno.test("extents() tell zeros, what was trimmed, what was never written, and whose file it is", async () => {
  using dir = new TempDir();
  const [base, child] = [dir.file("base.vhdx"), dir.file("child.vhdx")];
  {
    using disk = await createImage(base, { size: 6 * MIB, blockSize: MIB });
    disk.writeSync(pattern(3 * MIB), 0);
  }
  {
    using disk = await createImage(child, { parent: base, blockSize: MIB });
    disk.writeSync(pattern(MIB), 4 * MIB);
    disk.trimSync(MIB, MIB);
  }
  using disk = await openVirtualDisk(child, { backend: "portable" });
  const pieces = [...disk.extents()].map((each) => [
    each.kind,
    each.offset / MIB,
    each.length / MIB,
    "path" in each ? each.path : (each as { reason?: string }).reason,
  ]);
  const basePath = Deno.realPathSync(base);
  assertEquals(pieces, [
    ["parent", 0, 1, basePath],
    ["zero", 1, 1, pieces[1]![3]],
    ["parent", 2, 1, basePath],
    ["zero", 3, 1, undefined],
    ["file", 4, 1, Deno.realPathSync(child)],
    ["zero", 5, 1, undefined],
  ]);
  assertEquals(typeof pieces[1]![3], "string");
});
