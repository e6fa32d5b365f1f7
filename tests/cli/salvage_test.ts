/** What is left of damaged images on the command line: saved, converted, read, and what is lost of it told. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { contentsOf } from "../images.ts";
import { assertBytesEqual, exists, fileHash, pattern, TempDir } from "../support.ts";
import { MemoryDisk } from "../portable/partitions/partition_builder.ts";
import { violations } from "./json_schema.ts";
import { runCli } from "./run_cli.ts";

const MIB = 2 ** 20;
const SIZE = 16 * MIB;
/** What is left of 12 MiB of data. */
const LEFT = 10 * MIB + 512;
const LOST = 12 * MIB - LEFT;

/** A disk of which the end was cut off. */
async function cutDisk(
  dir: TempDir,
  name = "broken.vhdx",
  start = new Uint8Array(),
): Promise<string> {
  const path = dir.file(name);
  {
    using disk = await createImage(path, { size: SIZE, blockSize: MIB });
    disk.writeSync(pattern(12 * MIB), 0);
    disk.writeSync(start, 0);
  }
  Deno.truncateSync(path, Deno.statSync(path).size - LOST);
  return path;
}

function expected(): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  bytes.set(pattern(LEFT));
  return bytes;
}

Deno.test("salvage saves what is left to any format, says what is lost, and leaves the broken file alone", async () => {
  using dir = new TempDir();
  const path = await cutDisk(dir);
  const before = fileHash(path);
  for (const target of ["saved.vhdx", "saved.vhd", "saved.img"]) {
    const { code, out, err } = await runCli(dir, ["salvage", "broken.vhdx", target]);
    assertEquals([code, err], [1, ""], target);
    assertEquals(out.split("\n"), [
      `${dir.file(target)}: a disk of 16 MiB (16,777,216 bytes)`,
      "2 MiB (2,096,640 bytes) of the disk are lost",
      "  the whole disk, 16 MiB: 2 MiB (2,096,640 bytes) are lost",
      "  2 MiB (2,096,640 bytes): behind the end of the file",
      "  lost:",
      `    ${LEFT} ${LOST} cut-off`,
      "",
    ]);
    using disk = await openVirtualDisk(dir.file(target), {
      backend: "portable",
      ...(target.endsWith(".img") ? { type: "raw" } : {}),
    });
    assertBytesEqual(contentsOf(disk), expected(), target);
  }
  assertEquals(fileHash(path), before);
});

Deno.test("salvage tells a program all of it, and ends with 0 if nothing is lost", async () => {
  using dir = new TempDir();
  await cutDisk(dir);
  const { code, out } = await runCli(dir, ["salvage", "--json", "broken.vhdx", "saved.vhdx"]);
  const { target, virtualSize, damage } = JSON.parse(out);
  assertEquals([code, target, virtualSize], [1, dir.file("saved.vhdx"), SIZE]);
  assertEquals(damage.lostRanges, [{ offset: LEFT, length: LOST, reason: "cut-off" }]);
  const again = await runCli(dir, ["salvage", "saved.vhdx", "again.vhdx"]);
  assertEquals([again.code, again.err], [0, ""]);
  assertStringIncludes(again.out, "nothing of the disk is lost");
});

Deno.test("salvage asks for what the image does not say any more, and takes it", async () => {
  using dir = new TempDir();
  const path = await cutDisk(dir);
  {
    using file = Deno.openSync(path, { write: true });
    file.seekSync(2 * MIB, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(MIB));
  }
  const args = ["salvage", "broken.vhdx", "saved.vhdx"];
  const { code, err } = await runCli(dir, args);
  assertEquals(code, 2);
  assertStringIncludes(
    err,
    "`virtdisk salvage --size SIZE --block-size SIZE --sector-size SIZE BROKEN NEW`",
  );
  assert(!exists(dir.file("saved.vhdx")));
  const said = ["--size", "16MiB", "--block-size", "1MiB", "--sector-size", "512"];
  const asked = await runCli(dir, [...args, ...said]);
  assertEquals([asked.code, asked.err], [1, ""]);
  using disk = await openVirtualDisk(dir.file("saved.vhdx"), { backend: "portable" });
  assertBytesEqual(contentsOf(disk), expected());
});

Deno.test("salvage of a child without its parent gives what the child holds", async () => {
  using dir = new TempDir();
  const parent = dir.file("base.vhdx");
  (await createImage(parent, { size: SIZE })).close();
  {
    using child = await createImage(dir.file("child.vhdx"), { parent });
    child.writeSync(pattern(MIB), 4 * MIB);
  }
  Deno.removeSync(parent);
  const { code, out } = await runCli(dir, ["salvage", "child.vhdx", "saved.vhdx"]);
  assertEquals(code, 1);
  assertStringIncludes(out, ": in the parent\n");
  assertStringIncludes(out, "What only the parent holds is lost.");
  using disk = await openVirtualDisk(dir.file("saved.vhdx"), { backend: "portable" });
  assertBytesEqual(contentsOf(disk).subarray(4 * MIB, 5 * MIB), pattern(MIB));
});

Deno.test("convert --salvage and read --salvage give the same, and say on standard error what is lost", async () => {
  using dir = new TempDir();
  await cutDisk(dir);
  const refused = await runCli(dir, ["convert", "broken.vhdx", "disk.img"]);
  assertEquals(refused.code, 2);
  const lost = "2 MiB (2,096,640 bytes) of the disk are lost";
  const converted = await runCli(dir, ["convert", "--salvage", "broken.vhdx", "disk.img"]);
  assertEquals(converted.code, 1);
  assertStringIncludes(converted.err, lost);
  assertBytesEqual(Deno.readFileSync(dir.file("disk.img")), expected());
  const piped = await runCli(dir, ["convert", "--salvage", "--type", "raw", "broken.vhdx", "-"]);
  assertEquals(piped.code, 1);
  assertStringIncludes(piped.err, lost);
  assertBytesEqual(piped.bytes, expected());
  const read = await runCli(dir, ["read", "--salvage", "broken.vhdx"]);
  assertEquals(read.code, 1);
  assertStringIncludes(read.err, lost);
  assertBytesEqual(read.bytes, expected());
  // Of the part that is read nothing is lost.
  const part = await runCli(dir, ["read", "--salvage", "--length", "1MiB", "broken.vhdx"]);
  assertEquals([part.code, part.err], [0, ""]);
  for (const args of [["-", "a.img"], ["--free-space", "broken.vhdx", "a.img"]]) {
    const wrong = await runCli(dir, ["convert", "--salvage", ...args]);
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.err, "--salvage");
  }
});

/** As {@linkcode cutDisk}, of which two blocks are said to lie in one place, and with a partition. */
async function damagedDisk(dir: TempDir): Promise<void> {
  const table = new MemoryDisk(1);
  table.mbrEntry(0, 0x83, MIB / 512, 4 * MIB / 512);
  const path = await cutDisk(dir, "broken.vhdx", table.bytes);
  using file = Deno.openSync(path, { read: true, write: true });
  const entry = new Uint8Array(8);
  file.seekSync(3 * MIB + 2 * 8, Deno.SeekMode.Start);
  file.readSync(entry);
  file.seekSync(3 * MIB + 4 * 8, Deno.SeekMode.Start);
  file.writeSync(entry);
}

/** What is lost of that. */
const LOST_RANGES = [
  { offset: 2 * MIB, length: MIB, reason: "overlap" },
  { offset: 4 * MIB, length: MIB, reason: "overlap" },
  { offset: LEFT, length: LOST, reason: "cut-off" },
];

Deno.test("map --salvage tells of each piece that is lost why it is, and ends with 1", async () => {
  using dir = new TempDir();
  await damagedDisk(dir);
  const { code, out, err } = await runCli(dir, ["map", "--salvage", "broken.vhdx"]);
  assertEquals(code, 1);
  assertEquals(
    out.split("\n").filter((line) => line.includes("lost")),
    LOST_RANGES.map(({ offset, length, reason }) => `${offset} ${length} lost (${reason})`),
  );
  assertStringIncludes(err, `virtdisk: "broken.vhdx": `);
  assertStringIncludes(err, "two blocks have one place in the file");
  const json = await runCli(dir, ["map", "--salvage", "--json", "broken.vhdx"]);
  assertEquals([json.code, json.err], [1, ""]);
  const pieces = json.out.trim().split("\n").map((line) => JSON.parse(line));
  for (const piece of pieces) assertEquals(violations(piece), []);
  assertEquals(
    pieces.filter(({ kind }) => kind === "lost").map(({ offset, length, reason }) => ({
      offset,
      length,
      reason,
    })),
    LOST_RANGES,
  );
  assertEquals(pieces.reduce((sum, { length }) => sum + length, 0), SIZE);
  // Of the part that is looked at nothing is lost.
  const part = await runCli(dir, ["map", "--salvage", "--length", "1MiB", "broken.vhdx"]);
  assertEquals([part.code, part.err, part.out.includes("lost")], [0, "", false]);
  assertEquals(await runCli(dir, ["map", "--salvage", "--quiet", "broken.vhdx"]), {
    ...part,
    code: 1,
    out: "",
    bytes: new Uint8Array(),
  });
});

Deno.test("map --salvage adds up what is lost as salvage does", async () => {
  using dir = new TempDir();
  await damagedDisk(dir);
  const before = fileHash(dir.file("broken.vhdx"));
  const { code, out } = await runCli(dir, [
    "map",
    "--salvage",
    "--json",
    "--as",
    "totals",
    "broken.vhdx",
  ]);
  const totals = JSON.parse(out);
  assertEquals([code, violations(totals)], [1, []]);
  const lostBytes = 2 * MIB + LOST;
  assertEquals(
    [totals.lostBytes, totals.storedBytes, totals.unallocatedBytes],
    [lostBytes, 12 * MIB - lostBytes, 4 * MIB],
  );
  assertEquals(totals.damage.partitions, [
    { partition: 1, offset: MIB, length: 4 * MIB, lostBytes: 2 * MIB },
  ]);
  const saved = await runCli(dir, ["salvage", "--json", "broken.vhdx", "saved.vhdx"]);
  assertEquals(totals.damage, JSON.parse(saved.out).damage);
  assertEquals(fileHash(dir.file("broken.vhdx")), before);
  const whole = await runCli(dir, ["map", "--salvage", "--as", "totals", "saved.vhdx"]);
  assertEquals([whole.code, whole.err], [0, ""]);
  assertStringIncludes(whole.out, "Nothing of the disk is lost.\n");
});

Deno.test("map --salvage draws what is lost, in characters and as SVG", async () => {
  using dir = new TempDir();
  await damagedDisk(dir);
  const { code, out, err } = await runCli(dir, [
    "map",
    "--salvage",
    "--as",
    "picture",
    "broken.vhdx",
  ]);
  assertEquals([code, err], [1, ""]);
  assertStringIncludes(out, "\npartition 1, Linux, 4 MiB at 1 MiB, 2 MiB lost\n");
  assertMatch(out, /^ {4}1 MiB #{64}X{26}\n {2}2\.4 MiB X{38}#{52}\n {2}3\.8 MiB #{12}X{64}$/m);
  assertMatch(out, /^ {2}Xx {2}lost: overlap +2 MiB +12\.5 %\n +two blocks have one place/m);
  assertMatch(out, /^ {2}Xx {2}lost: cut-off +2 MiB +12\.5 % {2}behind the end of the file$/m);
  assertStringIncludes(out, "4 MiB (4,193,792 bytes) of the disk are lost.");
  const drawn = await runCli(dir, ["map", "--salvage", "--svg", "lost.svg", "broken.vhdx"]);
  assertEquals([drawn.code, drawn.err], [1, ""]);
  const svg = Deno.readTextFileSync(dir.file("lost.svg"));
  assertMatch(svg, /<title>2 MiB to [0-9.]+ MiB: lost<\/title><rect [^>]*fill="url\(#lost\)"/);
  assertMatch(svg, /<desc id="desc">[^<]*lost: overlap: 2 MiB, 12\.5 %, two blocks have one place/);
  const piped = await runCli(dir, ["map", "--salvage", "--svg", "-", "broken.vhdx"]);
  assertEquals([piped.code, piped.out], [1, svg]);
  assertStringIncludes(piped.err, "of the disk are lost");
});

Deno.test("map --salvage says what is wrong with a file of which nothing is lost", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhdx"), { size: SIZE })).close();
  {
    using file = Deno.openSync(dir.file("disk.vhdx"), { write: true });
    file.seekSync(64 * 1024, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(4096));
  }
  const { code, out } = await runCli(dir, ["map", "--salvage", "--as", "totals", "disk.vhdx"]);
  assertStringIncludes(out, "\n  found:\n    header at 65,536: ");
  assertEquals(code, out.includes("not all is certain") ? 1 : 0);
});

Deno.test("map --salvage and read --salvage take the sizes that an image does not say any more", async () => {
  using dir = new TempDir();
  const path = await cutDisk(dir);
  {
    using file = Deno.openSync(path, { write: true });
    file.seekSync(2 * MIB, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(MIB));
  }
  const sizes = ["--size", "16MiB", "--block-size", "1MiB", "--sector-size", "512"];
  for (const command of ["map", "read"]) {
    const asked = await runCli(dir, [command, "--salvage", "broken.vhdx"]);
    assertEquals(asked.code, 2);
    assertStringIncludes(
      asked.err,
      `\`virtdisk ${command} --salvage --size SIZE --block-size SIZE --sector-size SIZE BROKEN\``,
    );
    const told = await runCli(dir, [command, "--salvage", ...sizes, "broken.vhdx"]);
    assertEquals(told.code, 1);
    if (command === "read") assertBytesEqual(told.bytes, expected());
    else assertStringIncludes(told.out, `${LEFT} ${LOST} lost (cut-off)\n`);
    const rows: [args: string[], message: string][] = [
      [["--size", "16MiB", "broken.vhdx"], `${command}: --size needs --salvage`],
      [["--sector-size", "512", "broken.vhdx"], `${command}: --sector-size needs --salvage`],
      [["--salvage", "https://localhost/a.vhdx"], `${command}: --salvage needs a FILE`],
    ];
    for (const [args, message] of rows) {
      const { code, err } = await runCli(dir, [command, ...args]);
      assertEquals(code, 2);
      assertStringIncludes(err, message);
    }
  }
  const free = await runCli(dir, ["map", "--salvage", "--free-space", "broken.vhdx"]);
  assertEquals(free.code, 2);
  assertStringIncludes(free.err, "leave out --free-space or --salvage");
});
