/** The free space of a disk on the command line: told, given back, left out. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createVirtualDisk } from "@virtdisk/virtdisk";
import {
  dumpedRanges,
  e2,
  E2FSPROGS,
  fillAndEmpty,
  makeExt,
} from "../portable/filesystems/ext_images.ts";
import { TempDir, testWith } from "../support.ts";
import { runCli } from "./run_cli.ts";

const MiB = 1 << 20;

/** An ext4 with deleted files in a VHDX; gives its free bytes. */
async function makeDisk(dir: TempDir, name: string, isUnclean = false): Promise<number> {
  const raw = dir.file("raw.img");
  makeExt(raw, 24 * MiB, "-t", "ext4");
  fillAndEmpty(dir, raw, { seed: 9, largest: MiB, removed: 8 * MiB });
  if (isUnclean) e2("debugfs", "-w", "-R", "feature needs_recovery", raw);
  const free = dumpedRanges(raw).reduce((sum, { length }) => sum + length, 0);
  const options = { source: raw, sourceType: "raw", blockSize: MiB, backend: "portable" } as const;
  (await createVirtualDisk(dir.file(name), options)).close();
  Deno.removeSync(raw);
  return free;
}

testWith(
  E2FSPROGS,
  "free tells what is free, and compact and convert need it no more",
  async () => {
    using dir = new TempDir();
    const freeBytes = await makeDisk(dir, "disk.vhdx");
    const told = await runCli(dir, ["free", "disk.vhdx"]);
    assertEquals([told.code, told.err], [0, ""]);
    assertMatch(
      told.out,
      /disk\.vhdx\n {2}the whole disk, 24 MiB, ext4: .* free, [^ ]+ MiB in blocks of the file that hold nothing else/,
    );
    const facts = JSON.parse((await runCli(dir, ["free", "--json", "disk.vhdx"])).out);
    assertEquals([facts.freeBytes, facts.partitions.length], [freeBytes, 1]);

    const mapped = (await runCli(dir, ["map", "--free-space", "--json", "disk.vhdx"])).out;
    const pieces = mapped.trim().split("\n").map((line) => JSON.parse(line));
    const sum = (some: { length: number }[]) => some.reduce((all, { length }) => all + length, 0);
    assertEquals(sum(pieces.filter(({ free }) => free)), freeBytes);
    assertEquals(sum(pieces), 24 * MiB);
    assertStringIncludes(
      (await runCli(dir, ["map", "--free-space", "disk.vhdx"])).out,
      " (free)\n",
    );

    const small = await runCli(dir, [
      "convert",
      "--free-space",
      "--block-size",
      "1MiB",
      "disk.vhdx",
      "small.vhdx",
    ]);
    assertEquals([small.code, small.err], [0, ""]);
    const dry = await runCli(dir, ["compact", "--free-space", "--dry-run", "disk.vhdx"]);
    assertEquals([dry.code, dry.err], [0, ""]);
    assertMatch(dry.out, /it would have .* blocks freed.*\n {2}the whole disk, 24 MiB, ext4: /);
    const before = Deno.statSync(dir.file("disk.vhdx")).size;
    const done = await runCli(dir, ["compact", "--free-space", "--json", "disk.vhdx"]);
    const { freeSpace, fileSize } = JSON.parse(done.out);
    assertEquals([done.code, freeSpace.freeBytes], [0, freeBytes]);
    assert(fileSize <= before - 6 * MiB, `${fileSize} of ${before} bytes`);
    assert(Deno.statSync(dir.file("small.vhdx")).size <= fileSize);
  },
);

testWith(
  E2FSPROGS,
  "what is kept whole is told, with the reason, and by the exit status",
  async () => {
    using dir = new TempDir();
    await makeDisk(dir, "disk.vhdx", true);
    const reason = "ext4: kept whole: its journal must be replayed: it was not unmounted cleanly\n";
    for (
      const args of [["free"], ["compact", "--free-space", "--dry-run"], [
        "compact",
        "--free-space",
      ]]
    ) {
      const { code, out, err } = await runCli(dir, [...args, "disk.vhdx"]);
      assertEquals([code, err], [1, ""]);
      assertStringIncludes(out, reason);
    }
    const copied = await runCli(dir, ["convert", "--free-space", "disk.vhdx", "copy.vhdx"]);
    assertEquals(copied.code, 1);
    assertStringIncludes(copied.err, reason);
  },
);

Deno.test("options of free space that make no sense together are refused", async () => {
  using dir = new TempDir();
  const ignored = await runCli(dir, ["compact", "--ignore-children", "disk.vhdx"]);
  assertEquals(ignored.code, 2);
  assertStringIncludes(ignored.err, "--ignore-children needs --free-space");
  const piped = await runCli(dir, ["convert", "--free-space", "-", "disk.vhdx"], new Uint8Array(8));
  assertEquals(piped.code, 2);
  assertStringIncludes(piped.err, "--free-space needs a SOURCE that is a file");
});
