import { assertEquals, assertStringIncludes } from "@std/assert";
import { openVirtualDiskSync } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { sampledRows } from "../sampling.ts";
import { fileHash, TempDir } from "../support.ts";
import { READ_ONLY, runCli } from "./run_cli.ts";

const MIB = 1 << 20;

async function makeChain(dir: TempDir): Promise<void> {
  const parent = dir.file("base.vhdx");
  (await createImage(parent, { size: 4 * MIB })).close();
  (await createImage(dir.file("child.vhdx"), { parent })).close();
  (await createImage(dir.file("other.vhdx"), { size: 4 * MIB })).close();
  Deno.mkdirSync(dir.file("away"));
  Deno.renameSync(parent, dir.file("away/base.vhdx"));
}

Deno.test("rebase tells a child where its parent is", async () => {
  using dir = new TempDir();
  await makeChain(dir);
  const outcome = await runCli(dir, ["rebase", "child.vhdx", "away/base.vhdx"]);
  assertEquals([outcome.code, outcome.err], [0, ""]);
  assertStringIncludes(outcome.out, "the parent is away/base.vhdx");
  using disk = openVirtualDiskSync(dir.file("child.vhdx"), { backend: "portable" });
  assertEquals(disk.parents, [dir.file("away/base.vhdx")]);
});

Deno.test("rebase takes another disk only with --ignore-mismatch", async () => {
  using dir = new TempDir();
  await makeChain(dir);
  const refused = await runCli(dir, ["rebase", "child.vhdx", "other.vhdx"]);
  assertEquals([refused.code, refused.out], [2, ""]);
  assertStringIncludes(refused.err, "ERROR_VHD_CHILD_PARENT_ID_MISMATCH");
  const done = await runCli(dir, [
    "rebase",
    "--json",
    "--ignore-mismatch",
    "child.vhdx",
    "other.vhdx",
  ]);
  assertEquals([done.code, done.err], [0, ""]);
  using other = openVirtualDiskSync(dir.file("other.vhdx"), { backend: "portable" });
  assertEquals(JSON.parse(done.out), {
    schema: 1,
    subcommand: "rebase",
    ok: true,
    path: dir.file("child.vhdx"),
    dryRun: false,
    parent: dir.file("other.vhdx"),
    parentIdentifier: other.getInformation("identifier"),
  });
});

Deno.test("rebase --dry-run tells whether it can be done, and writes nothing", async (t) => {
  using dir = new TempDir();
  await makeChain(dir);
  const before = fileHash(dir.file("child.vhdx"));
  const rows: [args: string[], code: number, message: string][] = [
    [["child.vhdx", "away/base.vhdx"], 0, "the parent would be away/base.vhdx ("],
    [["--ignore-mismatch", "child.vhdx", "other.vhdx"], 0, "the parent would be other.vhdx ("],
    [["child.vhdx", "other.vhdx"], 2, "ERROR_VHD_CHILD_PARENT_ID_MISMATCH"],
    [["--ignore-mismatch", "child.vhdx", "child.vhdx"], 2, "CHAIN_CYCLE_DETECTED"],
    [["child.vhdx", "none.vhdx"], 2, "ERROR_FILE_NOT_FOUND"],
    [["other.vhdx", "away/base.vhdx"], 2, "ERROR_VHD_INVALID_TYPE"],
  ];
  for (const [args, code, message] of sampledRows(rows, 3)) {
    await t.step(args.join(" "), async () => {
      const dry = await runCli(dir, ["rebase", "--dry-run", ...args], READ_ONLY);
      assertEquals(dry.code, code, dry.err);
      assertStringIncludes(dry.out + dry.err, message);
      assertEquals(fileHash(dir.file("child.vhdx")), before);
      // The real run refuses the same in the same words.
      if (code !== 0) assertEquals((await runCli(dir, ["rebase", ...args])).err, dry.err);
    });
  }
  const json = await runCli(dir, [
    ...["rebase", "--dry-run", "--json", "child.vhdx", "away/base.vhdx"],
  ], READ_ONLY);
  assertEquals(JSON.parse(json.out).dryRun, true);
});

Deno.test("rebase says what is wrong", async (t) => {
  using dir = new TempDir();
  await makeChain(dir);
  const rows: [args: string[], code: number, message: string][] = [
    [["child.vhdx"], 2, "PARENT is missing"],
    [["child.vhdx", "none.vhdx"], 2, "ERROR_FILE_NOT_FOUND"],
    [["child.vhdx", "child.vhdx"], 2, "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED"],
    [["other.vhdx", "away/base.vhdx"], 2, "ERROR_VHD_INVALID_TYPE"],
  ];
  for (const [args, code, message] of sampledRows(rows, 3)) {
    await t.step(args.join(" "), async () => {
      const outcome = await runCli(dir, ["rebase", ...args]);
      assertEquals([outcome.code, outcome.out], [code, ""]);
      assertStringIncludes(outcome.err, message);
    });
  }
});
