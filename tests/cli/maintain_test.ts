import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createImage } from "../create_image.ts";
import { sampledRows } from "../sampling.ts";
import { assertBytesEqual, fileHash, pattern, TempDir } from "../support.ts";
import { READ_ONLY, runCli } from "./run_cli.ts";

const MIB = 1 << 20;

/** A parent and a child; gives the bytes of the child. */
async function makeChain(dir: TempDir): Promise<Uint8Array> {
  const base = await createImage(dir.file("base.vhdx"), { size: 8 * MIB, blockSize: MIB });
  base.writeSync(pattern(3 * MIB), MIB);
  base.close();
  using child = await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") });
  child.writeSync(pattern(MIB, 7), 2 * MIB + 512);
  const bytes = new Uint8Array(8 * MIB);
  child.readSync(bytes, 0);
  return bytes;
}

Deno.test("compact tells what it would win, and wins it", async () => {
  using dir = new TempDir();
  {
    using disk = await createImage(dir.file("disk.vhdx"), { size: 8 * MIB, blockSize: MIB });
    disk.writeSync(pattern(4 * MIB), 0);
    disk.writeSync(new Uint8Array(2 * MIB), 0);
  }
  const before = Deno.statSync(dir.file("disk.vhdx")).size;
  const dry = await runCli(dir, ["compact", "--dry-run", "disk.vhdx"]);
  assertEquals([dry.code, dry.err], [0, ""]);
  assertMatch(dry.out, /it would have 6 MiB .*2 blocks freed and 2 blocks moved/);
  assertEquals(Deno.statSync(dir.file("disk.vhdx")).size, before);
  const still = await runCli(dir, ["compact", "--no-block-moves", "--json", "disk.vhdx"]);
  assertEquals(JSON.parse(still.out), {
    schema: 1,
    subcommand: "compact",
    ok: true,
    path: dir.file("disk.vhdx"),
    dryRun: false,
    previousFileSize: before,
    fileSize: before,
    releasedBlocks: 2,
    movedBlocks: 0,
  });
  const done = await runCli(dir, ["compact", "disk.vhdx"]);
  assertMatch(done.out, /has 6 MiB .* now.*0 blocks freed, 2 blocks moved/);
  assertEquals(Deno.statSync(dir.file("disk.vhdx")).size, 6 * MIB);
});

Deno.test("merge writes a child into its parent, and removes it where that is asked for", async () => {
  using dir = new TempDir();
  const bytes = await makeChain(dir);
  const before = ["base.vhdx", "child.vhdx"].map((name) => fileHash(dir.file(name)));
  const dry = await runCli(dir, ["merge", "--dry-run", "--remove-child", "child.vhdx"], READ_ONLY);
  assertEquals([dry.code, dry.err], [0, ""]);
  assertMatch(
    dry.out,
    /^Would be merged into ".*base\.vhdx", and removed:\n {2}".*child\.vhdx"\n$/,
  );
  const dryInto = await runCli(
    dir,
    ["merge", "--dry-run", "--into", "x.vhd", "child.vhdx"],
    READ_ONLY,
  );
  assertMatch(dryInto.out, /^Would be merged into ".*x\.vhd":\n/);
  assertEquals(["base.vhdx", "child.vhdx"].map((name) => fileHash(dir.file(name))), before);
  assertEquals([...Deno.readDirSync(dir.path)].length, 2);
  const kept = await runCli(dir, ["merge", "--into", "new.vhd", "child.vhdx"]);
  assertEquals([kept.code, kept.err], [0, ""]);
  assertStringIncludes(kept.out, "new.vhd");
  assertBytesEqual((await runCli(dir, ["read", "new.vhd"])).bytes, bytes);
  const merged = await runCli(dir, ["merge", "--remove-child", "--json", "child.vhdx"]);
  assertEquals([merged.code, merged.err], [0, ""]);
  assertEquals(JSON.parse(merged.out), {
    schema: 1,
    subcommand: "merge",
    ok: true,
    path: dir.file("child.vhdx"),
    target: dir.file("base.vhdx"),
    merged: [dir.file("child.vhdx")],
    removed: true,
    dryRun: false,
  });
  assertBytesEqual((await runCli(dir, ["read", "base.vhdx"])).bytes, bytes);
  assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name).sort(), [
    "base.vhdx",
    "new.vhd",
  ]);
});

Deno.test("a merge or compact that cannot be understood ends with 2, as one that fails", async () => {
  using dir = new TempDir();
  await makeChain(dir);
  (await createImage(dir.file("fixed.vhd"), { size: 3 * MIB, subtype: "fixed" })).close();
  const rows: [args: string[], code: number, message: string][] = [
    [["compact"], 2, "compact: FILE is missing"],
    [["compact", "fixed.vhd"], 2, "ERROR_VHD_INVALID_TYPE"],
    [["compact", "absent.vhd"], 2, "ERROR_FILE_NOT_FOUND"],
    [["merge", "--depth", "0", "child.vhdx"], 2, "--depth must be a whole number from 1 on"],
    [["merge", "--into", "a.vhdx", "--remove-child", "child.vhdx"], 2, "--into takes the whole"],
    [["merge", "--depth", "2", "child.vhdx"], 2, "ERROR_INVALID_PARAMETER"],
    [["merge", "base.vhdx"], 2, "ERROR_VHD_INVALID_TYPE"],
    [["merge", "--into", "fixed.vhd", "child.vhdx"], 2, "ERROR_FILE_EXISTS"],
  ];
  for (const [args, code, message] of sampledRows(rows, 3)) {
    const outcome = await runCli(dir, args);
    assertEquals(outcome.code, code, `${args.join(" ")}: ${outcome.err}`);
    assertStringIncludes(outcome.err, message);
  }
});
