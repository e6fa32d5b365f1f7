/** The chains of folders, against what opening their images says. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type ChainFile,
  type CreateOptions,
  findVirtualDiskChains,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { openImageSync } from "../../images.ts";
import { allStates, IS_FULL } from "../../sampling.ts";
import { onlyOn, TempDir, testWith } from "../../support.ts";

const MIB = 1 << 20;
const FORMATS = ["vhd", "vhdx"] as const;

async function create(path: string, options: CreateOptions, blocks = 0): Promise<string> {
  using disk = await createImage(path, options);
  for (let i = 0; i < blocks; i++) disk.writeSync(new Uint8Array(512).fill(1), i * 4 * MIB);
  return path;
}

/** By name. */
function named(files: readonly ChainFile[], dir: TempDir): Record<string, ChainFile> {
  const start = dir.file("x").length - 1;
  return Object.fromEntries(files.map((file) => [file.path.slice(start), file]));
}

/** What opening says: the parents, or the error's symbol. */
function opened(path: string): readonly string[] | string {
  try {
    using disk = openImageSync(path, { getInfoOnly: true });
    return disk.parents;
  } catch (error) {
    assert(error instanceof VirtualDiskError);
    return error.symbol;
  }
}

/** Whether each file opens, and through which parents, as it was told. */
function assertTrue(files: readonly ChainFile[]): void {
  const byPath = new Map(files.map((file) => [file.path, file]));
  for (const file of files) {
    if (file.kind !== "image") continue;
    const parents: string[] = [];
    for (let link = file.parent; link?.path !== undefined;) {
      parents.push(link.path);
      link = byPath.get(link.path)!.parent;
    }
    const outcome = opened(file.path);
    if (file.isWhole) assertEquals(parents, outcome);
    else assertEquals(typeof outcome, "string", file.path);
    const own = file.error ?? file.parent?.error;
    if (own instanceof VirtualDiskError) assertEquals(outcome, own.symbol);
  }
}

for (const format of FORMATS) {
  Deno.test(`findVirtualDiskChains() tells what opening tells, of whole and of broken chains of ${format}`, async () => {
    using dir = new TempDir();
    const at = (name: string) => dir.file(`${name}.${format}`);
    await create(at("base"), { size: 32 * MIB }, 3);
    await create(at("one"), { parent: at("base") }, 2);
    await create(at("two"), { parent: at("one") }, 1);
    await create(at("other"), { parent: at("base") });
    await create(at("alone"), { size: 8 * MIB, subtype: "fixed" });
    await create(at("gone"), { size: 8 * MIB });
    await create(at("orphan"), { parent: at("gone") });
    await create(at("grandchild"), { parent: at("orphan") });
    Deno.removeSync(at("gone"));
    await create(at("old"), { size: 8 * MIB });
    await create(at("moved"), { parent: at("old") });
    Deno.renameSync(at("old"), at("new"));
    await create(at("first"), { size: 8 * MIB });
    await create(at("stale"), { parent: at("first") });
    await create(at("first"), { size: 8 * MIB, overwrite: true, ignoreChildren: true });
    await create(at("broken"), { size: 8 * MIB });
    await create(at("damaged"), { parent: at("broken") });
    Deno.writeFileSync(at("broken"), new Uint8Array(2 * MIB));
    const files = await findVirtualDiskChains([dir.path]);
    assertTrue(files);
    const {
      [`base.${format}`]: base,
      [`one.${format}`]: one,
      [`two.${format}`]: two,
      [`moved.${format}`]: moved,
      [`grandchild.${format}`]: grandchild,
    } = named(files, dir);
    assertEquals(base!.children, [at("one"), at("other")]);
    assertEquals([one!.depth, two!.depth, two!.isWhole], [1, 2, true]);
    // 512 bytes each, of a child; whole blocks of its parent.
    assertEquals([one!.image!.storedBytes, two!.image!.storedBytes], [1024, 512]);
    using disk = openImageSync(at("base"));
    const stored = [...disk.extents()].filter(({ kind }) => kind === "file");
    assertEquals(base!.image!.storedBytes, stored.reduce((sum, { length }) => sum + length, 0));
    assertEquals([moved!.parent!.state, moved!.parent!.foundAt], ["broken", at("new")]);
    assertEquals([grandchild!.parent!.state, grandchild!.isWhole], ["whole", false]);
    // Parents come before their children.
    const order = files.map(({ path }) => path);
    for (const { path, parent } of files) {
      if (parent?.path !== undefined) assert(order.indexOf(parent.path) < order.indexOf(path));
    }
  });
}

Deno.test("findVirtualDiskChains() ends with chains that come back, and tells the way", async () => {
  using dir = new TempDir();
  const [base, a, b] = ["base.vhd", "a.vhd", "b.vhd"].map((name) => dir.file(name)) as [
    string,
    string,
    string,
  ];
  await create(base, { size: 8 * MIB });
  await create(a, { parent: base });
  await create(b, { parent: a });
  await create(dir.file("c.vhd"), { parent: b });
  using first = openImageSync(base);
  const identifier = first.getInformation("identifier");
  first.close();
  {
    // The last one takes the name of the first, and is known as it was.
    using last = openImageSync(dir.file("c.vhd"), { flags: ["no-parents"], readOnly: false });
    last.setInformation("identifier", identifier);
  }
  Deno.removeSync(base);
  Deno.renameSync(dir.file("c.vhd"), base);
  const files = await findVirtualDiskChains([dir.path]);
  assertEquals(files.map(({ path }) => path).sort(), [a, b, base].sort());
  for (const { path, parent, isWhole } of files) {
    assertEquals([parent!.state, isWhole], ["broken", false]);
    const error = parent!.error as VirtualDiskError;
    assertEquals(error.symbol, "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED");
    assertEquals(opened(path), error.symbol);
    assertStringIncludes(error.reason, " -> ");
  }
});

// Its paths are longer than Windows takes.
testWith(
  [onlyOn("linux", "darwin"), allStates],
  "findVirtualDiskChains() breaks a chain where no longer one opens",
  async () => {
    using dir = new TempDir();
    const base = await create(dir.file("a.vhd"), { size: 8 * MIB });
    Deno.mkdirSync(dir.file("d"));
    const child = await create(dir.file("d/a.vhd"), { parent: base });
    {
      // It could be its own parent: so a copy of it in a folder below is a child of it.
      using disk = openImageSync(child, { flags: ["no-parents"], readOnly: false });
      disk.setInformation("identifier", disk.getInformation("parentIdentifier"));
    }
    const bytes = Deno.readFileSync(child);
    let folder = "d";
    for (let images = 3; images <= 257; images++) {
      folder += "/d";
      Deno.mkdirSync(dir.file(folder));
      Deno.writeFileSync(dir.file(`${folder}/a.vhd`), bytes);
    }
    const last = dir.file(`${folder}/a.vhd`);
    const files = await findVirtualDiskChains([last]);
    assertEquals(files.length, 257);
    const [broken, ...others] = files.filter(({ isWhole }) => !isWhole);
    assertEquals([broken!.path, broken!.parent!.state, others.length], [last, "broken", 0]);
    assertEquals(opened(last), "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED");
  },
);

Deno.test("findVirtualDiskChains() takes the files of Hyper-V for what they are, and leaves others out", async () => {
  using dir = new TempDir();
  await create(dir.file("disk.vhdx"), { size: 8 * MIB });
  await create(dir.file("disk_1.avhdx"), { parent: dir.file("disk.vhdx"), type: "vhdx" });
  for (const name of ["Disk.VHDX.rct", "gone.vhdx.mrt", "shared.vhds", "notes.txt", "setup.iso"]) {
    Deno.writeTextFileSync(dir.file(name), "x");
  }
  Deno.mkdirSync(dir.file("folder.vhdx"));
  const files = named(await findVirtualDiskChains([dir.path]), dir);
  assertEquals(
    Object.entries(files).map(([name, { kind, about }]) => [name, kind, about]),
    [
      ["Disk.VHDX.rct", "changeTracking", dir.file("disk.vhdx")],
      ["disk.vhdx", "image", undefined],
      ["disk_1.avhdx", "image", undefined],
      ["gone.vhdx.mrt", "changeTracking", undefined],
      ["shared.vhds", "vhdSet", undefined],
    ],
  );
});

Deno.test("findVirtualDiskChains() follows parents to other folders, and looks beside a named file", async () => {
  using dir = new TempDir();
  Deno.mkdirSync(dir.file("parents"));
  const base = await create(dir.file("parents/base.vhdx"), { size: 8 * MIB });
  const child = await create(dir.file("child.vhdx"), { parent: base });
  await create(dir.file("grandchild.vhdx"), { parent: child });
  const files = await findVirtualDiskChains([child]);
  assertEquals(files.map(({ path, depth }) => [path, depth]), [
    [base, 0],
    [child, 1],
    [dir.file("grandchild.vhdx"), 2],
  ]);
  assertTrue(files);
});

Deno.test("findVirtualDiskChains() tells of places that are not there, and stops when it is told to", async () => {
  using dir = new TempDir();
  const [missing] = await findVirtualDiskChains([dir.file("none.vhdx")]);
  assertEquals((missing!.error as VirtualDiskError).symbol, "ERROR_FILE_NOT_FOUND");
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => findVirtualDiskChains([dir.path], { signal }), Error, "enough");
  await assertRejects(() => findVirtualDiskChains([7 as never]), TypeError);
});

Deno.test("findVirtualDiskChains() tells of a block table that is damaged", async () => {
  using dir = new TempDir();
  const path = await create(dir.file("disk.vhdx"), { size: 8 * MIB, blockSize: MIB }, 1);
  {
    using file = Deno.openSync(path, { write: true });
    file.seekSync(3 * MIB, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array([6, 0, 0, 0, 1, 0, 0, 0]));
  }
  const [file] = await findVirtualDiskChains([dir.path]);
  assertEquals(file!.image!.storedBytes, undefined);
  assertEquals(file!.image!.damage!.symbol, "ERROR_FILE_CORRUPT");
});

testWith(
  [onlyOn("linux", "darwin")],
  "findVirtualDiskChains() goes through a folder of many images",
  async () => {
    using dir = new TempDir();
    const base = await create(dir.file("base.vhd"), { size: 8 * MIB });
    const bytes = Deno.readFileSync(await create(dir.file("0.vhd"), { parent: base }));
    const count = IS_FULL ? 1000 : 300;
    for (let i = 1; i < count; i++) Deno.writeFileSync(dir.file(`${i}.vhd`), bytes);
    let last = 0;
    const files = await findVirtualDiskChains([dir.path], {
      onProgress: ({ fraction }) => {
        assert(fraction >= last);
        last = fraction;
      },
    });
    assertEquals([files.length, files[0]!.children.length, last], [count + 1, count, 1]);
    assert(files.every(({ isWhole }) => isWhole));
  },
);
