import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { batPage, PAGE, putEntries, roomy } from "../portable/vhdx/log_builder.ts";
import { createImage } from "../create_image.ts";
import { TempDir } from "../support.ts";
import { runCli } from "./run_cli.ts";

const MIB = 1 << 20;

Deno.test("check ends with 0 for sound images, 1 for others, 2 where it cannot look", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("good.vhdx"), { size: 8 * MIB })).close();
  (await createImage(dir.file("bad.vhd"), { size: 8 * MIB })).close();
  const bytes = Deno.readFileSync(dir.file("bad.vhd"));
  bytes[70]! ^= 1;
  Deno.writeFileSync(dir.file("bad.vhd"), bytes);

  const good = await runCli(dir, ["check", "good.vhdx"]);
  assertEquals([good.code, good.out, good.err], [0, "good.vhdx: VHDX image, sound\n", ""]);

  const both = await runCli(dir, ["check", "--json", "good.vhdx", "bad.vhd"]);
  assertEquals(both.code, 1);
  const [first, second] = both.out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals([first.sound, first.findings, second.sound], [true, [], false]);
  const [{ severity, structure, offset, repairable }] = second.findings;
  assertEquals([severity, structure, offset, repairable], ["warning", "footer copy", 64, true]);

  const missing = await runCli(dir, ["check", "none.vhd", "bad.vhd"]);
  assertEquals(missing.code, 2);
  assertMatch(missing.err, /ERROR_FILE_NOT_FOUND/);
  assertMatch(
    missing.out,
    /^bad\.vhd: VHD image, not sound\n {2}warning footer copy at offset 64: /,
  );

  const repair = await runCli(dir, ["check", "--repair", "bad.vhd"]);
  assertEquals(repair.code, 0);
  assertMatch(repair.out, /, repaired\n$/);
  assertEquals((await runCli(dir, ["check", "bad.vhd"])).out, "bad.vhd: VHD image, sound\n");
});

Deno.test("check discards a damaged log only if told to, and says so before", async () => {
  using dir = new TempDir();
  const builder = roomy();
  const sizes = { tail: 0, flushed: 9 * MIB, last: 9 * MIB };
  const entries = [1n, 2n, 3n].map((sequence) => ({
    sequence,
    changes: [batPage(6, 4)],
    ...sizes,
  }));
  putEntries(builder, 0, ...entries);
  builder.bytes[MIB + 2 * PAGE] = 0;
  Deno.writeFileSync(dir.file("disk.vhdx"), builder.bytes);

  const info = await runCli(dir, ["read", "disk.vhdx"]);
  assertEquals(info.code, 2);
  assertStringIncludes(info.err, "which entry 3 of the same log, behind it, needs");
  assertStringIncludes(info.err, "`virtdisk check --repair --discard-damaged-log FILE`");
  for (const options of [[], ["--repair"]]) {
    const { code, out } = await runCli(dir, ["check", ...options, "disk.vhdx"]);
    assertEquals(code, 1);
    assertMatch(
      out,
      /\n {2}error log entry at offset 1056768: found "a damaged entry", expected entry 2, .*\n {4}Restore .*`virtdisk check --repair --discard-damaged-log FILE`/,
    );
  }
  const alone = await runCli(dir, ["check", "--discard-damaged-log", "disk.vhdx"]);
  assertEquals(alone.code, 2);
  assertStringIncludes(alone.err, "needs --repair");
  const repaired = await runCli(dir, ["check", "--repair", "--discard-damaged-log", "disk.vhdx"]);
  assertEquals(repaired.code, 0, repaired.out + repaired.err);
  assertMatch(repaired.out, /log entry .*, repaired\n/);
  assertEquals((await runCli(dir, ["check", "disk.vhdx"])).code, 0);
});

Deno.test("check advises of a file without a signature what can be done with one", async () => {
  using dir = new TempDir();
  Deno.writeTextFileSync(dir.file("text.txt"), "no image");
  const { code, out } = await runCli(dir, ["check", "text.txt"]);
  assertEquals(code, 1);
  assertMatch(
    out,
    /\n {4}If it should be an image, copy or download it again\. A raw disk has nothing/,
  );
});

Deno.test("compare and changes print ranges, and end with 1 where there are any", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("base.vhdx"), { size: 8 * MIB })).close();
  {
    using child = await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") });
    child.writeSync(new Uint8Array(1024).fill(1), MIB);
  }
  const changes = await runCli(dir, ["changes", "child.vhdx"]);
  const total = "1 range, 1 KiB (1,024 bytes), differs\n";
  assertEquals([changes.code, changes.out, changes.err], [1, "1048576 1024\n", total]);
  const compare = await runCli(dir, ["compare", "--json", "base.vhdx", "child.vhdx"]);
  const head = {
    schema: 1,
    subcommand: "compare",
    ok: true,
    path: dir.file("base.vhdx"),
    otherPath: dir.file("child.vhdx"),
  };
  assertEquals(compare.out.trim().split("\n").map((line) => JSON.parse(line)), [
    { ...head, offset: MIB, length: 1024 },
    { ...head, ranges: 1, bytes: 1024 },
  ]);
  assertEquals([compare.code, compare.err], [1, ""]);
  const same = await runCli(dir, ["compare", "base.vhdx", "base.vhdx"]);
  assertEquals([same.code, same.out, same.err], [0, "", "the disks are alike\n"]);
  const sameJson = await runCli(dir, ["compare", "--json", "base.vhdx", "base.vhdx"]);
  assertEquals([JSON.parse(sameJson.out).ranges, JSON.parse(sameJson.out).bytes], [0, 0]);
  for (
    const [args, code] of [
      [["compare", "base.vhdx", "base.vhdx"], 0],
      [["compare", "base.vhdx", "child.vhdx"], 1],
      [["changes", "child.vhdx"], 1],
    ] as const
  ) {
    const quiet = await runCli(dir, [...args, "--quiet"]);
    assertEquals([quiet.code, quiet.out, quiet.err], [code, "", ""]);
  }
  (await createImage(dir.file("large.vhdx"), { size: 9 * MIB })).close();
  const alike = await runCli(dir, ["compare", "base.vhdx", "large.vhdx"]);
  assertEquals([alike.code, alike.out], [0, ""]);
  const strict = await runCli(dir, ["compare", "--strict", "large.vhdx", "base.vhdx"]);
  assertEquals([strict.code, strict.out], [1, "8388608 1048576\n"]);
  const failed = await runCli(dir, ["changes", "base.vhdx"]);
  assertEquals([failed.code, failed.out], [2, ""]);
  assertMatch(failed.err, /ERROR_VHD_INVALID_TYPE/);
  const wrong = await runCli(dir, ["compare", "base.vhdx"]);
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.err, "See `virtdisk compare --help`.");
});

Deno.test("map prints where each piece of a disk is", async () => {
  using dir = new TempDir();
  {
    using base = await createImage(dir.file("base.vhdx"), { size: 8 * MIB, blockSize: MIB });
    base.writeSync(new Uint8Array(MIB).fill(1), 0);
  }
  {
    using child = await createImage(dir.file("child.vhdx"), {
      parent: dir.file("base.vhdx"),
      blockSize: MIB,
    });
    child.writeSync(new Uint8Array(MIB).fill(1), 2 * MIB);
  }
  const text = await runCli(dir, ["map", "child.vhdx"]);
  assertEquals([text.code, text.err], [0, ""]);
  assertEquals(text.out.split("\n").map((line) => line.replace(/ (?:\/|[A-Z]:\\).*[/\\]/, " ")), [
    `0 ${MIB} ${4 * MIB} base.vhdx`,
    `${MIB} ${MIB} unallocated`,
    `${2 * MIB} ${MIB} ${4 * MIB} child.vhdx`,
    `${3 * MIB} ${5 * MIB} unallocated`,
    "",
  ]);
  const alone = await runCli(dir, ["map", "--no-parents", "--length", "1MiB", "child.vhdx"]);
  assertEquals(alone.out, `0 ${MIB} absent\n`);
  const json = await runCli(dir, ["map", "--json", "--offset", "3MiB", "child.vhdx"]);
  const { kind, offset, length, path } = JSON.parse(json.out);
  assertEquals([kind, offset, length], ["zero", 3 * MIB, 5 * MIB]);
  assertEquals(path, dir.file("child.vhdx"));
  assertEquals((await runCli(dir, ["map", "none.vhdx"])).code, 2);
});
