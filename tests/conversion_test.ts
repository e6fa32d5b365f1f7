import { assertEquals, assertRejects } from "@std/assert";
import * as main from "@virtdisk/virtdisk";
import * as portable from "@virtdisk/virtdisk/portable";
import { createImage } from "./create_image.ts";
import { assertBytesEqual, pattern, TempDir } from "./support.ts";

const MIB = 1 << 20;
const FACES = {
  main: { ...main, options: { backend: "portable" } },
  portable: { ...portable, options: {} },
} as const;

async function makeDisk(path: string): Promise<Uint8Array> {
  using disk = await createImage(path, { size: 4 * MIB });
  const data = pattern(4 * MIB);
  disk.writeSync(data, 0);
  return data;
}

async function contentsOf(path: string, type?: "raw"): Promise<Uint8Array> {
  using disk = await main.openVirtualDisk(path, { backend: "portable", type });
  const bytes = new Uint8Array(disk.size);
  await disk.read(bytes, 0);
  return bytes;
}

for (const [name, { convertVirtualDisk, rebaseVirtualDisk, options }] of Object.entries(FACES)) {
  Deno.test(`${name}: convertVirtualDisk() copies what the chain holds, and closes the copy`, async () => {
    using dir = new TempDir();
    const data = await makeDisk(dir.file("base.vhdx"));
    (await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") })).close();
    const target = dir.file("copy.vhd");
    const fractions: number[] = [];
    const report = await convertVirtualDisk(dir.file("child.vhdx"), target, {
      ...options,
      subtype: "fixed",
      onProgress: ({ fraction }) => fractions.push(fraction),
    });
    assertEquals(report, {
      path: Deno.realPathSync(target),
      virtualSize: 4 * MIB,
      fileSize: 4 * MIB + 512,
    });
    assertEquals(fractions.at(-1), 1);
    assertBytesEqual(await contentsOf(target), data);
    // Nobody holds a lock on it any more.
    using writer = await main.openVirtualDisk(target, { backend: "portable", readOnly: false });
    assertEquals(writer.closed, false);
  });

  Deno.test(`${name}: convertVirtualDisk() takes a stream, and makes a raw disk`, async () => {
    using dir = new TempDir();
    const data = pattern(3 * MIB);
    const { fileSize } = await convertVirtualDisk(
      ReadableStream.from([data]),
      dir.file("a.img"),
      options,
    );
    assertEquals(fileSize, 3 * MIB);
    assertBytesEqual(await contentsOf(dir.file("a.img"), "raw"), data);
  });

  Deno.test(`${name}: convertVirtualDisk() refuses as createVirtualDisk() does, and leaves nothing`, async () => {
    using dir = new TempDir();
    await makeDisk(dir.file("a.vhdx"));
    const error = await assertRejects(
      () => convertVirtualDisk(dir.file("a.vhdx"), dir.file("a.vhdx"), options),
      main.VirtualDiskError,
    );
    assertEquals(error.symbol, "ERROR_FILE_EXISTS");
    await assertRejects(
      () => convertVirtualDisk(undefined as unknown as string, dir.file("b.vhdx"), options),
      TypeError,
      "source must be",
    );
    await assertRejects(
      () => convertVirtualDisk(dir.file("a.vhdx"), dir.file("b.vhdx"), { type: "vmdk" } as object),
      TypeError,
      "type must be",
    );
    const signal = AbortSignal.abort(new RangeError("no"));
    await assertRejects(
      () => convertVirtualDisk(dir.file("a.vhdx"), dir.file("b.vhdx"), { ...options, signal }),
      RangeError,
      "no",
    );
    assertEquals([...Deno.readDirSync(dir.path)].map((entry) => entry.name), ["a.vhdx"]);
  });

  Deno.test(`${name}: rebaseVirtualDisk() stores where the parent is`, async () => {
    using dir = new TempDir();
    const data = await makeDisk(dir.file("base.vhdx"));
    const child = dir.file("child.vhdx");
    (await createImage(child, { parent: dir.file("base.vhdx") })).close();
    Deno.mkdirSync(dir.file("moved"));
    const parent = dir.file("moved/base.vhdx");
    Deno.renameSync(dir.file("base.vhdx"), parent);
    const before = Deno.readFileSync(child);
    const expected = {
      path: Deno.realPathSync(child),
      parent: Deno.realPathSync(parent),
      parentIdentifier: await identifierOf(parent),
    };

    const trial = await rebaseVirtualDisk(child, { ...options, parent, dryRun: true });
    assertEquals(trial, { ...expected, dryRun: true });
    assertBytesEqual(Deno.readFileSync(child), before, "a dry run writes nothing");

    assertEquals(await rebaseVirtualDisk(child, { ...options, parent }), {
      ...expected,
      dryRun: false,
    });
    assertBytesEqual(await contentsOf(child), data);
  });

  Deno.test(`${name}: rebaseVirtualDisk() refuses another disk unless it is told to`, async () => {
    using dir = new TempDir();
    await makeDisk(dir.file("base.vhdx"));
    await makeDisk(dir.file("other.vhdx"));
    const child = dir.file("child.vhdx");
    (await createImage(child, { parent: dir.file("base.vhdx") })).close();
    const rebase = (parent: string, more = {}) =>
      rebaseVirtualDisk(child, { ...options, parent, ...more });
    const symbolOf = async (run: () => Promise<unknown>) =>
      (await assertRejects(run, main.VirtualDiskError)).symbol;
    const other = dir.file("other.vhdx");
    assertEquals(await symbolOf(() => rebase(other)), "ERROR_VHD_CHILD_PARENT_ID_MISMATCH");
    assertEquals(await symbolOf(() => rebase(dir.file("none.vhdx"))), "ERROR_FILE_NOT_FOUND");
    assertEquals(
      await symbolOf(() => rebaseVirtualDisk(other, { ...options, parent: dir.file("base.vhdx") })),
      "ERROR_VHD_INVALID_TYPE",
    );
    const { parent } = await rebase(other, { ignoreMismatch: true });
    assertEquals(parent, Deno.realPathSync(other));
    await assertRejects(() => rebase(undefined as unknown as string), TypeError, "parent must be");
    await assertRejects(() => rebase(other, { ignore: true }), TypeError, "has no option");
  });
}

Deno.test("portable: the doors have no native backend", async () => {
  const native = { backend: "native" } as object;
  const runs = [
    () => portable.openVirtualDisk("a.vhdx", native),
    () => portable.createVirtualDisk("a.vhdx", { size: MIB, ...native }),
    () => portable.convertVirtualDisk("a.vhdx", "b.vhdx", native),
    () => portable.rebaseVirtualDisk("a.vhdx", { parent: "b.vhdx", ...native }),
    () => portable.diagnose("a.vhdx", native),
  ];
  for (const run of runs) {
    const error = await assertRejects(run, main.VirtualDiskError);
    assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
    assertEquals(error.causes, ['The native backend is in "@virtdisk/virtdisk".']);
  }
});

async function identifierOf(path: string): Promise<string> {
  using disk = await main.openVirtualDisk(path, { backend: "portable", getInfoOnly: true });
  return disk.getInformation("identifier");
}
