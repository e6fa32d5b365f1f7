import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { MemoryDisk } from "../portable/partitions/partition_builder.ts";
import { sampledRows } from "../sampling.ts";
import { fileHash, TempDir } from "../support.ts";
import { READ_ONLY, runCli } from "./run_cli.ts";

const MIB = 1 << 20;

/** A VHDX of 8 MiB whose partition ends at 4 MiB. */
async function makeDisk(dir: TempDir): Promise<void> {
  using disk = await createImage(dir.file("disk.vhdx"), { size: 8 * MIB });
  const table = new MemoryDisk(8 * MIB / 512);
  table.gpt([2048, 8191]);
  disk.writeSync(table.bytes, 0);
}

Deno.test("expand makes a disk larger, and says which partition can grow", async () => {
  using dir = new TempDir();
  await makeDisk(dir);
  const { code, out, err } = await runCli(dir, ["expand", "disk.vhdx", "16MiB"]);
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /^The disk has 16 MiB .* now; it had 8 MiB .*\nPartition 1 can grow from 3 MiB/);
  using disk = await openVirtualDisk(dir.file("disk.vhdx"), { backend: "portable" });
  assertEquals(disk.getInformation("size").virtualSize, 16 * MIB);
});

Deno.test("--dry-run tells what resize and expand would do, and writes nothing", async () => {
  using dir = new TempDir();
  await makeDisk(dir);
  const before = fileHash(dir.file("disk.vhdx"));
  const grown = await runCli(dir, ["expand", "--dry-run", "disk.vhdx", "16MiB"], READ_ONLY);
  assertEquals([grown.code, grown.err], [0, ""]);
  assertMatch(
    grown.out,
    /^The disk has 8 MiB .*; it would have 16 MiB .*\nPartition 1 could grow from 3 MiB/,
  );
  const shrunk = await runCli(
    dir,
    ["resize", "--dry-run", "--json", "disk.vhdx", "smallest-safe"],
    READ_ONLY,
  );
  const { dryRun, virtualSize } = JSON.parse(shrunk.out);
  assertEquals([dryRun, virtualSize], [true, 4 * MIB + 33 * 512]);
  const refused = await runCli(dir, ["resize", "--dry-run", "disk.vhdx", "3MiB"], READ_ONLY);
  assertEquals([refused.code, refused.out], [2, ""]);
  assertStringIncludes(refused.err, "ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA");
  assertEquals(fileHash(dir.file("disk.vhdx")), before);
});

Deno.test("resize says that it has restored a damaged GPT", async () => {
  using dir = new TempDir();
  for (const args of [["resize", "disk.vhdx", "8MiB"], ["resize", "--json", "disk.vhdx", "8MiB"]]) {
    await makeDisk(dir);
    {
      using disk = await openVirtualDisk(dir.file("disk.vhdx"), {
        backend: "portable",
        readOnly: false,
      });
      disk.writeSync(new Uint8Array(512), 512);
    }
    const { code, out } = await runCli(dir, args);
    assertEquals(code, 0);
    assertStringIncludes(
      out,
      args.length > 3 ? '"restoredFromBackup":true' : "damaged, and has been restored",
    );
    Deno.removeSync(dir.file("disk.vhdx"));
  }
});

Deno.test("resize --json tells the result, of the smallest size too", async () => {
  using dir = new TempDir();
  await makeDisk(dir);
  const { code, out } = await runCli(dir, ["resize", "--json", "disk.vhdx", "smallest-safe"]);
  assertEquals(code, 0);
  assertEquals(JSON.parse(out), {
    schema: 1,
    subcommand: "resize",
    ok: true,
    path: dir.file("disk.vhdx"),
    virtualSize: 4 * MIB + 33 * 512,
    dryRun: false,
    previousSize: 8 * MIB,
    partitionTable: "gpt",
  });
});

Deno.test("resize cuts partitions off, and loses children, only where it is told to", async () => {
  using dir = new TempDir();
  await makeDisk(dir);
  assertEquals((await runCli(dir, ["resize", "--allow-unsafe", "disk.vhdx", "3MiB"])).code, 0);
  (await createImage(dir.file("child.vhdx"), { parent: dir.file("disk.vhdx") })).close();
  const refused = await runCli(dir, ["expand", "disk.vhdx", "4MiB"]);
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.err, "child.vhdx");
  assertEquals((await runCli(dir, ["expand", "--ignore-children", "disk.vhdx", "4MiB"])).code, 0);
});

Deno.test("a size with a plus is added to the present one", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhdx"), { size: 8 * MIB })).close();
  const rows: [command: string, size: string, expected: number][] = [
    ["expand", "+2M", 10 * MIB],
    ["resize", "+1048576", 11 * MIB],
    ["resize", "12MB", 12 * MIB],
  ];
  for (const [command, size, expected] of rows) {
    const { code, out } = await runCli(dir, [command, "--json", "disk.vhdx", size]);
    assertEquals([code, JSON.parse(out).virtualSize], [0, expected]);
  }
});

Deno.test("a resize that cannot be understood ends with 2, as one that fails", async (t) => {
  using dir = new TempDir();
  await makeDisk(dir);
  const rows: [args: string[], code: number, message: string][] = [
    [["resize", "disk.vhdx"], 2, "SIZE is missing"],
    [["resize", "disk.vhdx", "10GBit"], 2, "did you mean 10GiB?"],
    [["expand", "disk.vhdx", "smallest-safe"], 2, "SIZE must be"],
    [["expand", "disk.vhdx", "+0"], 2, "must be more than 8 MiB, which the disk has"],
    [["resize", "--type", "iso", "disk.vhdx", "9MiB"], 2, "--type must be vhd, vhdx or raw"],
    [["expand", "disk.vhdx", "8MiB"], 2, "must be more than 8 MiB, which the disk has"],
    [["resize", "disk.vhdx", "3MiB"], 2, "ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA"],
    [["resize", "none.vhdx", "3MiB"], 2, "ERROR_FILE_NOT_FOUND"],
  ];
  for (const [args, code, message] of sampledRows(rows, 3)) {
    await t.step(args.join(" "), async () => {
      const outcome = await runCli(dir, args);
      assertEquals([outcome.code, outcome.out], [code, ""]);
      assertStringIncludes(outcome.err, message);
    });
  }
});
