/** Changes to a disk of which it is uncertain whether others have it as their parent. */
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { assertChildless } from "../../../src/portable/chain/children.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { runCli, runCliWith } from "../../cli/run_cli.ts";
import { createImage } from "../../create_image.ts";
import { sampledRows } from "../../sampling.ts";
import {
  assertBytesEqual,
  circumstance,
  type Need,
  onlyOn,
  pattern,
  ROOT,
  TempDir,
  testWith,
} from "../../support.ts";
import { VhdxBuilder } from "../vhdx/vhdx_builder.ts";

const MIB = 1 << 20;
const DENIED = { state: "prompt", onchange: null, partial: false } as const;
const ITEM = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";

async function make(path: string): Promise<void> {
  (await createImage(path, { size: 4 * MIB })).close();
}

/** Every command that changes what a disk holds, with what it reads. */
const CHANGES: readonly (readonly [args: string[], file: string])[] = [
  [["write", "base.vhdx"], "base.vhdx"],
  [["metadata", "--set", ITEM, "base.vhdx"], "base.vhdx"],
  [["metadata", "--delete", ITEM, "base.vhdx"], "base.vhdx"],
  [["resize", "base.vhdx", "8MiB"], "base.vhdx"],
  [["expand", "base.vhdx", "8MiB"], "base.vhdx"],
  [["merge", "child.vhdx"], "base.vhdx"],
  [["rebase", "--ignore-mismatch", "child.vhdx", "other.vhdx"], "child.vhdx"],
];

for (const [args, file] of sampledRows(CHANGES, 3)) {
  Deno.test(`${args.join(" ")}: refused if the folder may not be searched for children`, async () => {
    using dir = new TempDir();
    await make(dir.file("base.vhdx"));
    {
      using disk = await openVirtualDisk(dir.file("base.vhdx"), {
        backend: "portable",
        readOnly: false,
      });
      disk.metadata.set(ITEM, pattern(10));
    }
    await make(dir.file("other.vhdx"));
    (await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") })).close();
    const before = Deno.readFileSync(dir.file(file));
    const files = ["base.vhdx", "other.vhdx", "child.vhdx"].map((name) => dir.file(name)).join(",");
    const flags = [`--allow-read=${files}`, `--allow-write=${files}`];
    const input = pattern(10);
    const { code, err } = await runCliWith(dir, flags, args, input);
    assertEquals(code, 2, err);
    assertStringIncludes(err, "ERROR_VHD_INVALID_STATE");
    assertStringIncludes(
      err,
      `Allow it to be read, with --allow-read=${dir.path}; or pass --ignore-children if`,
    );
    assertBytesEqual(Deno.readFileSync(dir.file(file)), before);
    // Each of the two ways out is one.
    const [command = "", ...rest] = args;
    const ignoring = [command, "--ignore-children", ...rest];
    const forced = await runCliWith(dir, flags, ignoring, input);
    assertEquals([forced.code, forced.err], [0, ""]);
    Deno.writeFileSync(dir.file(file), before);
    const children = command === "rebase" || command === "merge" ? [] : ["child.vhdx"];
    for (const child of children) Deno.removeSync(dir.file(child));
    const folder = [`--allow-read=${dir.path}`, flags[1]!];
    const allowed = await runCliWith(dir, folder, args, input);
    assertEquals([allowed.code, allowed.err], [0, ""]);
  });
}

Deno.test("assertChildless(): names the permission that is missing as a shell and Deno take it", () => {
  using dir = new TempDir();
  const image = openVhdx(new VhdxBuilder().source());
  const original = Deno.permissions.querySync;
  Deno.permissions.querySync = () => Object.assign(new EventTarget(), DENIED);
  try {
    const flags = ["plain", "with space", "a,b", "it's"].map((name) => {
      const path = join(dir.file(name), "base.vhdx");
      Deno.mkdirSync(dir.file(name));
      Deno.writeFileSync(path, new Uint8Array());
      const named = Object.assign(Object.create(image), { source: { ...image.source, path } });
      const { options } = assertThrows(() => assertChildless(named), ImageError);
      return /^Allow it to be read, with (.*); or pass/.exec(options.causes?.[0] ?? "")?.[1];
    });
    const flag = (name: string) => `--allow-read=${dir.file(name)}`;
    assertEquals(flags, [
      flag("plain"),
      `"${flag("with space")}"`,
      // A single comma would stand between two paths.
      `"${flag("a,,b")}"`,
      `"${flag("it's")}"`,
    ]);
  } finally {
    Deno.permissions.querySync = original;
  }
});

Deno.test("assertChildless(): a command that changes no disk needs no search for children", async () => {
  using dir = new TempDir();
  await make(dir.file("base.vhdx"));
  const path = dir.file("base.vhdx");
  const flags = [`--allow-read=${path}`, `--allow-write=${path}`];
  for (const args of [["compact"], ["check", "--repair"], ["read", "--length", "1"], ["info"]]) {
    const { code, err } = await runCliWith(dir, flags, [...args, "base.vhdx"]);
    assertEquals([code, err], [0, ""], args[0]);
  }
});

Deno.test("assertChildless(): a file that may not be read may be a child", async () => {
  using dir = new TempDir();
  await make(dir.file("base.vhdx"));
  await make(dir.file("other.vhdx"));
  const flags = [
    `--allow-read=${dir.path}`,
    `--allow-write=${dir.path}`,
    `--deny-read=${dir.file("other.vhdx")}`,
  ];
  const { code, err } = await runCliWith(dir, flags, ["write", "base.vhdx"], pattern(10));
  assertEquals(code, 2);
  assertStringIncludes(err, `${JSON.stringify(dir.file("other.vhdx"))} cannot be read`);
  assertStringIncludes(err, "pass --ignore-children");
});

Deno.test("assertChildless(): more images than are looked at may hide a child", async () => {
  using dir = new TempDir();
  await make(dir.file("base.vhdx"));
  for (let i = 0; i < 1000; i++) Deno.writeFileSync(dir.file(`${i}.vhd`), new Uint8Array(0));
  const refused = await runCli(dir, ["write", "base.vhdx"], pattern(10));
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.err, "more than 1000 images");
  assertStringIncludes(refused.err, "pass --ignore-children");
  const options = { backend: "portable", readOnly: false } as const;
  using disk = await openVirtualDisk(dir.file("base.vhdx"), options);
  const message = messageOf(() => disk.writeSync(pattern(10), 0));
  assertStringIncludes(message, "more than 1000 images");
  disk.close();
  Deno.removeSync(dir.file("0.vhd"));
  const done = await runCli(dir, ["write", "base.vhdx"], pattern(10));
  assertEquals([done.code, done.err], [0, ""]);
});

Deno.test("assertChildless(): a child is found whatever image it is named as", async () => {
  using dir = new TempDir();
  await make(dir.file("base.vhdx"));
  (await createImage(dir.file("child.vhd"), { type: "vhdx", parent: dir.file("base.vhdx") }))
    .close();
  const { code, err } = await runCli(dir, ["write", "base.vhdx"], pattern(10));
  assertEquals(code, 2);
  assertStringIncludes(err, JSON.stringify(dir.file("child.vhd")));
});

Deno.test("assertChildless(): children are lost, but for those of a VHD that still open", async () => {
  using dir = new TempDir();
  const loss = { vhd: ": where they still open, they show a mix.", vhdx: "." };
  for (const format of ["vhd", "vhdx"] as const) {
    await make(dir.file(`base.${format}`));
    const parent = dir.file(`base.${format}`);
    (await createImage(dir.file(`child.${format}`), { parent })).close();
    using disk = await openVirtualDisk(parent, { backend: "portable", readOnly: false });
    const { causes } = assertThrows(() => disk.writeSync(pattern(10), 0), VirtualDiskError);
    assertEquals(causes[1], `Pass \`ignoreChildren\` to lose them${loss[format]}`);
  }
});

Deno.test("assertChildless(): files that are gone, no images or damaged are nobody's children", async () => {
  using dir = new TempDir();
  await make(dir.file("base.vhdx"));
  Deno.writeFileSync(dir.file("empty.vhdx"), new Uint8Array(0));
  Deno.writeFileSync(dir.file("noise.vhd"), pattern(70_000));
  if (Deno.build.os !== "windows") Deno.symlinkSync(dir.file("none.vhdx"), dir.file("gone.vhdx"));
  Deno.mkdirSync(dir.file("folder.vhdx"));
  const { code, err } = await runCli(dir, ["write", "base.vhdx"], pattern(10));
  assertEquals([code, err], [0, ""]);
});

Deno.test("createVirtualDisk(): a disk that was just created has no children to be looked for", async () => {
  using dir = new TempDir();
  for (let i = 0; i < 1001; i++) Deno.writeFileSync(dir.file(`${i}.vhd`), new Uint8Array(0));
  using disk = await createImage(dir.file("new.vhdx"), { size: 4 * MIB });
  disk.writeSync(pattern(10), 0);
  disk.metadata.set(ITEM, pattern(10));
  assertEquals((await disk.resize(8 * MIB)).virtualSize, 8 * MIB);
});

Deno.test("setInformation(): an image's own children are lost when it gets another parent", async () => {
  using dir = new TempDir();
  const [base, other, middle, leaf] = ["base", "other", "middle", "leaf"].map((name) =>
    dir.file(`${name}.vhdx`)
  ) as [string, string, string, string];
  await make(base);
  await make(other);
  (await createImage(middle, { parent: base })).close();
  (await createImage(leaf, { parent: middle })).close();
  const open = (ignoreChildren: boolean) =>
    openVirtualDisk(middle, {
      backend: "portable",
      readOnly: false,
      ignoreChildren,
      flags: ["no-parents"],
    });
  const value = { path: other, ignoreMismatch: true };
  {
    using disk = await open(false);
    for (
      const set of [
        () => disk.setInformation("parentPath", { ...value, dryRun: true }),
        () => disk.setInformation("parentPath", value),
        () => disk.setInformation("parentLocator", { linkageId: ITEM, path: other }),
      ]
    ) assertStringIncludes(messageOf(set), JSON.stringify(leaf));
    // The disk that it was made from is no other parent.
    disk.setInformation("parentPath", base);
  }
  using disk = await open(true);
  disk.setInformation("parentPath", value);
});

for (const format of sampledRows(["vhd", "vhdx"], 2, 1)) {
  Deno.test(`${format}: a parent is not replaced while it has children, unless asked`, async () => {
    using dir = new TempDir();
    const [base, middle, leaf] = ["base", "middle", "leaf"].map((name) =>
      dir.file(`${name}.${format}`)
    ) as [string, string, string];
    await make(base);
    (await createImage(middle, { parent: base })).close();
    (await createImage(leaf, { parent: middle })).close();
    const before = [base, middle, leaf].map((path) => Deno.readFileSync(path));
    const isAsBefore = () =>
      [base, middle, leaf].forEach((path, i) =>
        assertBytesEqual(Deno.readFileSync(path), before[i]!)
      );
    const raw = new Uint8Array(4 * MIB);
    Deno.writeFileSync(dir.file("disk.raw"), raw);
    const raws = ["--source-type", "raw", "disk.raw"];
    for (
      const [args, child] of [
        [["create", "--overwrite", "--size", "4MiB", base], middle],
        [["create", "--overwrite", "--parent", base, middle], leaf],
        [["convert", "--overwrite", ...raws, base], middle],
        [["convert", "--overwrite", leaf, base], middle],
      ] as const
    ) {
      const { code, err } = await runCli(dir, args);
      assertEquals(code, 2, err);
      assertStringIncludes(err, `the disk is the parent of ${JSON.stringify(child)}`);
      assertStringIncludes(err, "Pass --ignore-children");
      isAsBefore();
    }
    // A disk of its own for its parent would be lost, whatever is ignored.
    for (const [parent, path] of [[base, base], [middle, base], [leaf, leaf]] as const) {
      const args = ["create", "--overwrite", "--ignore-children", "--parent", parent, path];
      const { code, err } = await runCli(dir, args);
      assertEquals(code, 2, err);
      assertStringIncludes(err, "the new disk would replace its own parent, or one of that");
      isAsBefore();
    }
    const forced = await runCli(dir, ["convert", "--overwrite", "--ignore-children", leaf, base]);
    assertEquals([forced.code, forced.err], [0, ""]);
    assertEquals((await runCli(dir, ["create", "--overwrite", leaf, "8MiB"])).code, 0);
  });
}

testWith(
  [onlyOn("linux", "darwin")],
  "createVirtualDisk(): a link that leads nowhere is replaced",
  async () => {
    using dir = new TempDir();
    await make(dir.file("base.vhdx"));
    Deno.symlinkSync(dir.file("none"), dir.file("link.vhdx"));
    const args = ["create", "--overwrite", "--parent", "base.vhdx", "link.vhdx"];
    const { code, err } = await runCli(dir, args);
    assertEquals([code, err], [0, ""]);
    assertEquals(Deno.lstatSync(dir.file("link.vhdx")).isFile, true);
  },
);

Deno.test("createVirtualDisk(): a file that is open is not replaced", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  await make(path);
  for (const readOnly of [true, false]) {
    using _disk = await openVirtualDisk(path, { backend: "portable", readOnly });
    const error = await assertRejects(
      () => createImage(path, { size: 4 * MIB, overwrite: true }),
      VirtualDiskError,
      "the file that would be replaced is open",
    );
    assertEquals(error.symbol, "ERROR_SHARING_VIOLATION");
  }
  (await createImage(path, { size: 8 * MIB, overwrite: true })).close();
});

/** Root lists every folder. */
const USER = Deno.build.os !== "windows" && Deno.uid() === 0 ? 65534 : undefined;

/** Whether that user may run the program at all. */
const isRunnable: Need = circumstance(() => {
  if (USER === undefined) return undefined;
  const { success } = new Deno.Command("/usr/bin/cat", {
    args: [`${ROOT}/src/cli/main.ts`, Deno.execPath()],
    uid: USER,
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? undefined : "another user may not read the program";
});

testWith(
  [onlyOn("linux", "darwin"), isRunnable],
  "assertChildless(): a folder that the user may enter but not list",
  async () => {
    using dir = new TempDir();
    const path = dir.file("base.vhdx");
    await make(path);
    Deno.chmodSync(path, 0o666);
    using cache = new TempDir();
    Deno.chmodSync(cache.path, 0o777);
    Deno.chmodSync(dir.path, 0o711);
    if (USER === undefined) Deno.chmodSync(dir.path, 0o311);
    const { code, err } = await runCliWith(
      dir,
      [`--allow-read=${dir.path}`, `--allow-write=${path}`],
      ["write", "base.vhdx"],
      pattern(10),
      { env: { DENO_DIR: cache.path }, ...(USER === undefined ? {} : { uid: USER }) },
    );
    Deno.chmodSync(dir.path, 0o700);
    assertEquals(code, 2, err);
    assertStringIncludes(err, `the folder ${JSON.stringify(dir.path)} cannot be read`);
    assertStringIncludes(err, "Run this as a user who may read it; or pass --ignore-children");
  },
);

function messageOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (error instanceof VirtualDiskError) return error.message;
    throw error;
  }
  return "nothing was refused";
}
