/** Metadata items that describe the disk go with it; those of a file stay with that. */
import { assertEquals, assertRejects } from "@std/assert";
import { type MergeOptions, openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { sampledRows } from "../../sampling.ts";
import { assertBytesEqual, pattern, run, TempDir, testWith } from "../../support.ts";
import { QEMU } from "../../interop/vhd_oracles.ts";
import {
  addItems,
  DISK,
  type RawItem,
  rawItem,
  rawItems,
  textOf,
  USER,
} from "../vhdx/item_bytes.ts";
import { createChain, openImage } from "../../images.ts";

const MIB = 2 ** 20;
const SIZE = 8 * MIB;

/** Numbers of items that each disk of a chain has; the others are its own. */
const SHARED = 1;
const SAME = 2;

/** What describes the disk of a number, and what belongs to its file. */
function diskItems(disk: number): RawItem[] {
  return [
    rawItem(SHARED, USER | DISK, pattern(100 + 5000 * disk, disk)),
    rawItem(SAME, USER | DISK, pattern(700)),
    rawItem(10 * disk + 10, DISK, pattern(300, disk)),
    rawItem(10 * disk + 11, USER | DISK, new Uint8Array()),
  ];
}

function fileItems(disk: number): RawItem[] {
  return [
    rawItem(10 * disk + 12, USER, pattern(40, disk)),
    rawItem(10 * disk + 13, 0, pattern(50, disk)),
  ];
}

function edit(path: string, items: readonly RawItem[]): void {
  const bytes = Deno.readFileSync(path);
  addItems(bytes, items);
  Deno.writeFileSync(path, bytes);
}

function itemsOf(path: string): RawItem[] {
  return rawItems(Deno.readFileSync(path));
}

async function makeChain(dir: TempDir, depth: number): Promise<string[]> {
  const paths = Array.from({ length: depth }, (_, i) => dir.file(`${i}.vhdx`));
  await createChain(
    paths,
    { size: SIZE },
    (disk, i) => disk.writeSync(pattern(MIB, i), i * MIB),
  );
  // Children that were made before do not have them.
  for (const [i, path] of paths.entries()) edit(path, [...fileItems(i), ...diskItems(i)]);
  return paths;
}

/** A child and its parent without items. */
async function makePair(dir: TempDir): Promise<[base: string, child: string]> {
  const [base, child] = [dir.file("base.vhdx"), dir.file("child.vhdx")];
  (await createImage(base, { size: SIZE })).close();
  using disk = await createImage(child, { parent: base });
  disk.writeSync(pattern(3 * MIB), MIB);
  return [base, child];
}

async function assertSound(path: string): Promise<void> {
  using disk = await openImage(path, true);
  const { sound, findings } = await disk.check();
  // Reserved bits are none of the format.
  assertEquals([sound, findings.filter(({ severity }) => severity !== "info")], [true, []]);
}

Deno.test("createVirtualDisk(): a child is born with the items of its parent's disk, and goes its own way then", async () => {
  using dir = new TempDir();
  const [base] = await makeChain(dir, 1) as [string];
  const [child, grandchild] = [dir.file("child.vhdx"), dir.file("grandchild.vhdx")];
  const expected = diskItems(0);
  {
    using disk = await createImage(child, { parent: base });
    const users = expected.filter(({ flags }) => (flags & USER) !== 0);
    assertEquals(disk.metadata.keys(), users.map(({ id }) => id));
    for (const { id, bytes } of users) assertBytesEqual(disk.metadata.get(id)!, bytes);
    assertEquals(textOf(itemsOf(child)), textOf(expected));
    disk.metadata.set(expected[1]!.id, pattern(900, 7));
    disk.metadata.set(rawItem(800, USER, pattern(1)).id, pattern(1));
  }
  (await createImage(grandchild, { parent: child })).close();
  const changed = expected.with(1, { ...expected[1]!, bytes: pattern(900, 7) });
  assertEquals(textOf(itemsOf(grandchild)), textOf(changed));
  assertEquals(textOf(itemsOf(base)), textOf([...fileItems(0), ...expected]));
  for (const path of [child, grandchild]) await assertSound(path);
});

Deno.test("createVirtualDisk(): a child has room for whatever its parent's disk has", async () => {
  using dir = new TempDir();
  const [base, child] = [dir.file("base.vhdx"), dir.file("child.vhdx")];
  (await createImage(base, { size: SIZE })).close();
  const items = [rawItem(1, USER | DISK, pattern(MIB - 0x20000)), rawItem(2, DISK, pattern(9))];
  edit(base, items.toReversed().with(1, { ...items[0]!, bytes: pattern(MIB - 0x21000) }));
  {
    using disk = await openVirtualDisk(base, { backend: "portable", readOnly: false });
    disk.metadata.set(items[0]!.id, pattern(MIB));
  }
  {
    using disk = await createImage(child, { parent: base });
    disk.writeSync(pattern(MIB, 3), 5 * MIB);
    assertBytesEqual(disk.metadata.get(items[0]!.id)!, pattern(MIB));
  }
  assertEquals(textOf(itemsOf(child)), textOf(itemsOf(base)));
  await assertSound(child);
  using disk = await openImage(child, true);
  const bytes = new Uint8Array(MIB);
  disk.readSync(bytes, 5 * MIB);
  assertBytesEqual(bytes, pattern(MIB, 3));
});

Deno.test("PortableVirtualDisk: whatever is done to a disk, its items stay what they are, byte for byte", async () => {
  using dir = new TempDir();
  const [base, child] = await makePair(dir);
  const items = [...fileItems(4), ...diskItems(4)];
  edit(child, items);
  const moved = dir.file("moved.vhdx");
  Deno.renameSync(base, moved);
  {
    using alone = await openVirtualDisk(child, {
      backend: "portable",
      readOnly: false,
      flags: ["no-parents"],
    });
    alone.setInformation("parentPath", moved);
  }
  using disk = await openImage(child);
  const steps: Record<string, () => unknown> = {
    "another id": () => disk.setInformation("virtualDiskId", crypto.randomUUID()),
    "another sector size": () => disk.setInformation("vhdPhysicalSectorSize", 512),
    "a larger table": () => disk.resize(600 * 2 ** 30),
    "a smaller disk": () => disk.resize(64 * MIB, { allowUnsafe: true }),
    "compacting": () => disk.compact(),
    "an item more": () => disk.metadata.set(rawItem(900, USER, pattern(1)).id, pattern(MIB)),
    "an item less": () => disk.metadata.delete(rawItem(900, USER, pattern(1)).id),
    "compacting with a larger region": () => disk.compact(),
    "repairing": () => disk.check({ repair: true }),
  };
  for (const [what, step] of Object.entries(steps)) {
    await step();
    disk.flushSync();
    const found = itemsOf(child).filter(({ bytes }) => bytes.length < MIB);
    assertEquals(textOf(found), textOf(items), what);
  }
});

Deno.test("createVirtualDisk(): a copy of a disk is another one, and has none of its items", async () => {
  using dir = new TempDir();
  const [source] = await makeChain(dir, 1) as [string];
  (await createImage(dir.file("copy.vhdx"), { source })).close();
  assertEquals(itemsOf(dir.file("copy.vhdx")), []);
});

Deno.test("merge(): a chain merged into a new file keeps the items of its disk, and the users' of its leaf", async () => {
  using dir = new TempDir();
  const paths = await makeChain(dir, 3);
  const into = dir.file("new.vhdx");
  {
    using disk = await openImage(paths[2]!, true);
    await disk.merge({ into });
    await disk.merge({ into: dir.file("new.vhd") });
  }
  const users = fileItems(2).filter(({ flags }) => (flags & USER) !== 0);
  assertEquals(textOf(itemsOf(into)), textOf([...users, ...diskItems(2)]));
  await assertSound(into);
});

const MERGES: readonly [MergeOptions, from: number, to: number][] = [
  [{}, 3, 2],
  [{ depth: 2 }, 3, 1],
  [{ depth: 3 }, 3, 0],
  [{ sourceDepth: 2 }, 2, 1],
  [{ sourceDepth: 2, targetDepth: 4 }, 2, 0],
];

Deno.test("merge(): a merge brings the items of the uppermost merged disk, and no file's", async (t) => {
  for (const [options, from, to] of sampledRows(MERGES, 3)) {
    await t.step(JSON.stringify(options), async () => {
      using dir = new TempDir();
      const paths = await makeChain(dir, 4);
      {
        using disk = await openImage(paths[3]!);
        await disk.merge(options);
        await disk.merge(options);
      }
      for (const [i, path] of paths.entries()) {
        const expected = [...fileItems(i), ...diskItems(i === to ? from : i)];
        assertEquals(textOf(itemsOf(path)), textOf(expected), path);
        await assertSound(path);
      }
      using target = await openImage(paths[to]!, true);
      const users = itemsOf(paths[to]!).filter(({ flags }) => (flags & USER) !== 0);
      assertEquals(target.metadata.keys(), users.map(({ id }) => id));
      for (const { id, bytes } of users) assertBytesEqual(target.metadata.get(id)!, bytes);
    });
  }
});

Deno.test("merge(): a merge with removeChild leaves the items of the disk, and not those of the removed file", async () => {
  using dir = new TempDir();
  const [base, child] = await makeChain(dir, 2) as [string, string];
  using disk = await openImage(child);
  await disk.merge({ removeChild: true });
  assertEquals(textOf(itemsOf(base)), textOf([...fileItems(0), ...diskItems(1)]));
});

Deno.test("merge(): where an item of the disk has the id of one of the target's file, it takes its place", async () => {
  using dir = new TempDir();
  const [base, child] = await makePair(dir);
  const ofDisk = rawItem(5, USER | DISK, pattern(10));
  // A system item of that id is another one.
  const other = rawItem(5, 0, pattern(30));
  edit(base, [rawItem(5, USER, pattern(20)), other]);
  edit(child, [ofDisk]);
  using disk = await openImage(child);
  await disk.merge();
  disk.close();
  assertEquals(textOf(itemsOf(base)), textOf([ofDisk, other]));
});

Deno.test("merge(): a merge whose items have no room in the target is refused before anything is written", async () => {
  using dir = new TempDir();
  const [base, child] = await makePair(dir);
  edit(base, Array.from({ length: 1000 }, (_, i) => rawItem(i, USER, pattern(2))));
  edit(child, Array.from({ length: 25 }, (_, i) => rawItem(2000 + i, USER | DISK, pattern(2))));
  const before = [base, child].map((path) => Deno.readFileSync(path));
  {
    using disk = await openImage(child);
    for (const dryRun of [true, false]) {
      const error = await assertRejects(() => disk.merge({ dryRun }), VirtualDiskError);
      assertEquals([error.symbol, error.path], ["ERROR_VHD_METADATA_FULL", base]);
    }
  }
  assertBytesEqual(Deno.readFileSync(base), before[0]!);
  assertBytesEqual(Deno.readFileSync(child), before[1]!);
  await assertRejects(
    async () => {
      using disk = await openImage(base);
      disk.metadata.delete(rawItem(7, USER, pattern(2)).id);
    },
    VirtualDiskError,
    "ERROR_VHD_INVALID_STATE",
  );
  using disk = await openVirtualDisk(base, {
    backend: "portable",
    readOnly: false,
    ignoreChildren: true,
  });
  disk.metadata.delete(rawItem(7, USER, pattern(2)).id);
  disk.close();
  // Another disk now, as far as the child knows.
  using again = await openVirtualDisk(child, {
    backend: "portable",
    readOnly: false,
    flags: ["no-parents"],
  });
  again.setInformation("parentPath", { path: base, ignoreMismatch: true });
  again.close();
  using last = await openImage(child);
  await last.merge();
  last.close();
  assertEquals(itemsOf(base).length, 1024);
});

testWith(QEMU, "merge(): QEMU reads merged images whose items needed a larger region", async () => {
  using dir = new TempDir();
  const [base, child] = await makePair(dir);
  const items = [
    rawItem(1, USER, pattern(MIB - 0x50000)),
    rawItem(2, USER | DISK, pattern(MIB - 0x40000)),
  ] as const;
  edit(base, [items[0]]);
  edit(child, [items[1]]);
  const into = dir.file("new.vhdx");
  {
    using disk = await openImage(child);
    await disk.merge();
    disk.close();
    using merged = await openImage(base, true);
    await merged.merge({ into });
  }
  const expected = new Uint8Array(SIZE);
  expected.set(pattern(3 * MIB), MIB);
  Deno.writeFileSync(dir.file("expected.raw"), expected);
  for (const path of [base, into]) {
    assertEquals(textOf(itemsOf(path)), textOf(items));
    await assertSound(path);
    run("qemu-img", "check", "-q", "-f", "vhdx", path);
    run("qemu-img", "compare", "-q", "-f", "vhdx", "-F", "raw", path, dir.file("expected.raw"));
  }
});
