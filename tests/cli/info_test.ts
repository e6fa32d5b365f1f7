import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { formatBytes } from "../../src/text/digits.ts";
import { sampledRows } from "../sampling.ts";
import { onlyOn, TempDir, testWith } from "../support.ts";
import { createImage } from "../create_image.ts";
import { type Outcome, READ_ONLY, runCli } from "./run_cli.ts";
import { dirtyVhdx, putEntries } from "../portable/vhdx/log_builder.ts";

const MIB = 1 << 20;
/** The whole of what the command needs, on every system. */
const PORTABLE = ["--backend", "portable"];

/** Runs the command in `dir` with no permission but to read there. */
async function info(dir: TempDir, ...args: string[]): Promise<Outcome> {
  return await runCli(dir, args, READ_ONLY);
}

async function makeChain(dir: TempDir): Promise<void> {
  (await createImage(dir.file("base.vhdx"), { size: 64 * MIB })).close();
  (await createImage(dir.file("middle.vhdx"), { parent: dir.file("base.vhdx") })).close();
  (await createImage(dir.file("leaf.vhdx"), { parent: dir.file("middle.vhdx") })).close();
}

Deno.test("info --json prints an object per file, with the chain nearest first", async () => {
  using dir = new TempDir();
  await makeChain(dir);
  const { code, out, err } = await info(
    dir,
    "info",
    "--json",
    ...PORTABLE,
    "leaf.vhdx",
    "base.vhdx",
  );
  assertEquals([code, err], [0, ""]);
  const [leaf, base, ...more] = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(more, []);
  const { path, backend, information, chain } = leaf;
  assertEquals(Object.keys({ path, backend, information, chain }), Object.keys(leaf).slice(3, 7));
  assertEquals([leaf.path, leaf.backend], [dir.file("leaf.vhdx"), "portable"]);
  assertEquals(leaf.chain, [dir.file("middle.vhdx"), dir.file("base.vhdx")]);
  assertEquals(leaf.information.size.virtualSize, 64 * MIB);
  assertEquals(leaf.information.providerSubtype, "differencing");
  assertEquals(base.chain, []);
  assertEquals([leaf.creator, leaf.dirtyLog, base.ancestors], ["virtdisk 0.1", false, []]);
  assertEquals(leaf.modified, Deno.statSync(dir.file("leaf.vhdx")).mtime?.toISOString());
  assertEquals(
    leaf.ancestors.map((each: { path: string; subtype: string }) => [each.path, each.subtype]),
    [[dir.file("middle.vhdx"), "differencing"], [dir.file("base.vhdx"), "dynamic"]],
  );
  assertEquals("parentLocation" in base.information, false);
});

Deno.test("info tells of a raw disk where one is said to be one", async () => {
  using dir = new TempDir();
  Deno.writeFileSync(dir.file("disk.img"), new Uint8Array(1536));
  const unknown = await info(dir, "info", ...PORTABLE, "disk.img");
  assertEquals([unknown.code, unknown.out], [2, ""]);
  const { code, out } = await info(dir, "info", ...PORTABLE, "--type", "raw", "disk.img");
  assertEquals(code, 0);
  assertMatch(out, /\n +Format +raw disk\n +Virtual size +1\.5 KiB \(1,536 bytes\)\n/);
});

Deno.test("info prints what a person wants to know", async () => {
  using dir = new TempDir();
  await makeChain(dir);
  const { code, out } = await info(dir, "info", ...PORTABLE, "leaf.vhdx");
  assertEquals(code, 0);
  assertMatch(
    out,
    /^.*leaf\.vhdx\n +Format +VHDX, differencing\n +Virtual size +64 MiB \(67,108,864 bytes\)\n/,
  );
  assertMatch(out, /\n {2}Made by +virtdisk 0\.1\n {2}Modified +20\d\d-\d\d-\d\d .* UTC\n/);
  // Each parent under its child, with what it is.
  const [child, middle, base] = out.split(/ +Parent +/);
  assertMatch(child!, /\n {2}Format +VHDX, differencing\n/);
  assertEquals(middle!.split("\n").slice(0, 2), [
    dir.file("middle.vhdx"),
    "    Format        VHDX, differencing",
  ]);
  assertEquals(base!.split("\n").slice(0, 2), [
    dir.file("base.vhdx"),
    "      Format        VHDX, dynamic",
  ]);
});

Deno.test("info shows a log that was left behind, and the partitions", async () => {
  using dir = new TempDir();
  const builder = dirtyVhdx();
  putEntries(builder, 0, { sequence: 1n });
  Deno.writeFileSync(dir.file("dirty.vhdx"), builder.bytes);
  const dirty = await info(dir, "info", ...PORTABLE, "dirty.vhdx");
  assertMatch(dirty.out, /\n {2}Log +holds changes: the image was not closed \(`virtdisk check/);

  {
    using disk = await createImage(dir.file("disk.vhd"), { size: 64 * MIB });
    const sector = new Uint8Array(512);
    // A partition of type 0x07 with 4096 sectors from sector 2048 on.
    sector.set([7, 0, 0, 0, 0, 8, 0, 0, 0, 16, 0, 0], 450);
    sector.set([0x55, 0xaa], 510);
    disk.writeSync(sector, 0);
  }
  const text = await info(dir, "info", ...PORTABLE, "disk.vhd");
  assertMatch(text.out, /\n {2}Made by +Windows 10\.0, 20\d\d-/);
  assertMatch(text.out, /\n {2}Partitions +MBR\n {4}1 +2 MiB at 1 MiB, NTFS or exFAT\n/);
  const json = JSON.parse((await info(dir, "info", "--json", ...PORTABLE, "disk.vhd")).out);
  assertEquals(json.partitionTable, {
    kind: "mbr",
    isBackup: false,
    partitions: [{ number: 1, offset: MIB, length: 2 * MIB, type: "0x07" }],
  });
  assertMatch(json.created, /^20\d\d-.*Z$/);
});

Deno.test("info goes on after a file that does not open, and ends with status 2", async () => {
  using dir = new TempDir();
  await makeChain(dir);
  Deno.removeSync(dir.file("middle.vhdx"));
  const { code, out, err } = await info(
    dir,
    "info",
    ...PORTABLE,
    "missing.vhd",
    "leaf.vhdx",
    "base.vhdx",
  );
  assertEquals([code, out.split("\n")[0]], [2, dir.file("base.vhdx")]);
  assertMatch(err, /missing\.vhd.*ERROR_FILE_NOT_FOUND, 2/);
  assertMatch(err, /leaf\.vhdx.*middle\.vhdx.*ERROR_VHD_PARENT_VHD_NOT_FOUND/);

  const alone = await info(dir, "info", ...PORTABLE, "--no-parents", "leaf.vhdx");
  assertEquals(alone.code, 0);
  assertStringIncludes(alone.out, `${dir.file("middle.vhdx")} (not opened)`);
});

Deno.test("info of a file that it may not read says which permission is missing", async () => {
  using dir = new TempDir();
  using other = new TempDir();
  const { code, err } = await info(dir, "info", ...PORTABLE, other.file("disk.vhd"));
  assertEquals(code, 2);
  assertMatch(err, /Requires read access/);
});

Deno.test("a wrong command line is explained, with status 2", async (t) => {
  using dir = new TempDir();
  const rows = [["inspect"], ["info"], ["info", "--fast", "a"], [
    "info",
    "--backend",
    "qemu",
    "a",
  ]];
  for (const args of sampledRows(rows, 3)) {
    await t.step(args.join(" ") || "no arguments", async () => {
      const { code, out, err } = await info(dir, ...args);
      assertEquals([code, out, err.split("\n").length], [2, "", 3]);
      assertMatch(err, /\nSee `virtdisk (?:info )?--help`\.\n$/);
    });
  }
  await t.step("--help is no mistake", async () => {
    const { code, out } = await info(dir, "--help");
    assertEquals(code, 0);
    assertStringIncludes(out, "Usage: virtdisk");
  });
});

Deno.test("formatBytes() shows a round unit and the exact number", () => {
  assertEquals(formatBytes(0), "0 bytes");
  assertEquals(formatBytes(1), "1 byte");
  assertEquals(formatBytes(1023), "1,023 bytes");
  assertEquals(formatBytes(64 * MIB), "64 MiB (67,108,864 bytes)");
  assertEquals(formatBytes(1.5 * MIB), "1.5 MiB (1,572,864 bytes)");
  assertEquals(formatBytes(64 * 1024 ** 4), "64 TiB (70,368,744,177,664 bytes)");
});

testWith(
  [onlyOn("linux", "darwin")],
  "info prints no control character of a parent's name",
  async (t) => {
    using dir = new TempDir();
    const parent = dir.file("base\x1b]0;title\x07\x1b[2J.vhdx");
    (await createImage(parent, { size: 8 * MIB })).close();
    (await createImage(dir.file("child.vhdx"), { parent })).close();
    for (const args of [["info"], ["info", "--no-parents"], ["diagnose"], ["map"], ["check"]]) {
      await t.step(args.join(" "), async () => {
        const { out, err } = await runCli(dir, [...args, "child.vhdx"]);
        assert(!/[^\n\P{Cc}]/u.test(out + err), JSON.stringify(out + err));
      });
    }
  },
);
