/** What a command advises can be done at a shell, and helps. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { openVirtualDiskSync } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { udfImage } from "../portable/iso/iso_builder.ts";
import { sampledRows } from "../sampling.ts";
import { TempDir } from "../support.ts";
import { runCli } from "./run_cli.ts";

const MIB = 1 << 20;
const PORTABLE = ["--backend", "portable"];

/** Children one and two of `base.vhdx`, `orphan.vhdx` whose parent went away, no image: `file.img`, and a disc. */
async function makeFiles(dir: TempDir): Promise<void> {
  const parent = dir.file("base.vhdx");
  const lost = dir.file("lost.vhdx");
  for (const path of [parent, lost]) (await createImage(path, { size: 4 * MIB })).close();
  (await createImage(dir.file("one.vhdx"), { parent })).close();
  (await createImage(dir.file("two.vhdx"), { parent })).close();
  (await createImage(dir.file("orphan.vhdx"), { parent: lost })).close();
  Deno.renameSync(lost, dir.file("found.vhdx"));
  Deno.writeFileSync(dir.file("file.img"), new Uint8Array(4096).fill(1));
  Deno.writeFileSync(dir.file("disc.iso"), udfImage().bytes);
}

Deno.test("advice names what the command line has", async (t) => {
  using dir = new TempDir();
  await makeFiles(dir);
  const rows: [args: string[], ...advice: string[]][] = [
    [["map", "file.img"], "and nothing else, pass --type raw."],
    [
      ["info", "--type", "vhdx", "disc.iso"],
      "is an ISO image, not a VHDX image",
      "Leave the type out",
    ],
    [["read", "file.img"], "convert it first: `virtdisk convert --source-type raw FILE NEWFILE`."],
    [["convert", "--type", "vhd", "file.img", "-"], "and nothing else, pass --source-type raw."],
    [["compare", "file.img", "base.vhdx"], "--type-a raw."],
    [["compare", "base.vhdx", "file.img"], "--type-b raw."],
    [["convert", "file.img", "new.vhd"], "--source-type raw."],
    [["convert", "base.vhdx", "one.vhdx"], "pass --overwrite"],
    [
      ["info", ...PORTABLE, "orphan.vhdx"],
      "`virtdisk info --no-parents`",
      "`virtdisk rebase CHILD PARENT`",
    ],
    [
      ["diagnose", ...PORTABLE, "orphan.vhdx"],
      // The parent under its new name, beside the child.
      'It is at "found.vhdx"',
      "`virtdisk rebase CHILD PARENT`",
      "rebase orphan.vhdx found.vhdx\n",
    ],
    [["merge", "one.vhdx"], "`virtdisk merge --into NEWFILE CHILD`", "--ignore-children"],
    [["resize", "base.vhdx", "8MiB"], "`virtdisk merge --into NEWFILE CHILD`"],
    [["rebase", "one.vhdx", "found.vhdx"], "pass --ignore-mismatch."],
    [["compact", "disc.iso"], "convert it to a VHD or VHDX"],
  ];
  for (const [args, ...advice] of sampledRows(rows, 3)) {
    await t.step(args.join(" "), async () => {
      const { out, err } = await runCli(dir, args);
      for (const words of advice) assertStringIncludes(out + err, words);
    });
  }
});

Deno.test("a command on the child of a changed parent advises rebase, which helps", async () => {
  using dir = new TempDir();
  await makeFiles(dir);
  const changed = ["write", "--ignore-children", "base.vhdx"];
  assertEquals((await runCli(dir, changed, new Uint8Array(512).fill(7))).code, 0);
  const { code, err } = await runCli(dir, ["changes", "one.vhdx"]);
  assertEquals(code, 2);
  assertStringIncludes(err, "`virtdisk rebase --ignore-mismatch CHILD PARENT`");
  await runCli(dir, ["rebase", "--ignore-mismatch", "one.vhdx", "base.vhdx"]);
  assertEquals((await runCli(dir, ["changes", "one.vhdx"])).code, 0);
});

Deno.test("of a VHD it is said what its children would show", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("base.vhd"), { size: 4 * MIB })).close();
  (await createImage(dir.file("child.vhd"), { parent: dir.file("base.vhd") })).close();
  const write = (...options: string[]) =>
    runCli(dir, ["write", ...options, "base.vhd"], new Uint8Array(512).fill(7));
  assertStringIncludes(
    (await write()).err,
    "to lose them: where they still open, they show a mix.",
  );
  await write("--ignore-children");
  const { code, bytes } = await runCli(dir, ["read", "--length", "1", "child.vhd"]);
  assertEquals([code, ...bytes], [0, 7]);
});

Deno.test("an image that is being written can be looked at as a refusal advises", async () => {
  using dir = new TempDir();
  await makeFiles(dir);
  using _writer = openVirtualDiskSync(dir.file("one.vhdx"), {
    backend: "portable",
    readOnly: false,
  });
  const { code, err } = await runCli(dir, ["compact", "one.vhdx"]);
  assertEquals(code, 2);
  assertStringIncludes(err, "`virtdisk info`");
  assertEquals((await runCli(dir, ["info", ...PORTABLE, "one.vhdx"])).code, 0);
});

Deno.test("of several children, each can be merged in the end as the refusal advises", async () => {
  using dir = new TempDir();
  await makeFiles(dir);
  assertEquals((await runCli(dir, ["merge", "one.vhdx"])).code, 2);
  assertEquals((await runCli(dir, ["merge", "--into", "own.vhdx", "two.vhdx"])).code, 0);
  Deno.removeSync(dir.file("two.vhdx"));
  assertEquals((await runCli(dir, ["merge", "--remove-child", "one.vhdx"])).code, 0);
  assertEquals((await runCli(dir, ["compare", "own.vhdx", "base.vhdx"])).code, 0);
});
