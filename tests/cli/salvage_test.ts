/** What is left of damaged images on the command line: saved, converted, read, and what is lost of it told. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { contentsOf } from "../images.ts";
import { assertBytesEqual, exists, fileHash, pattern, TempDir } from "../support.ts";
import { runCli } from "./run_cli.ts";

const MIB = 2 ** 20;
const SIZE = 16 * MIB;
/** What is left of 12 MiB of data. */
const LEFT = 10 * MIB + 512;
const LOST = 12 * MIB - LEFT;

/** A disk of which the end was cut off. */
async function cutDisk(dir: TempDir, name = "broken.vhdx"): Promise<string> {
  const path = dir.file(name);
  {
    using disk = await createImage(path, { size: SIZE, blockSize: MIB });
    disk.writeSync(pattern(12 * MIB), 0);
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
