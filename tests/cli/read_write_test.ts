import { assertEquals, assertStringIncludes } from "@std/assert";
import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
import { sampledRows } from "../sampling.ts";
import { assertBytesEqual, pattern, TempDir } from "../support.ts";
import { runCli } from "./run_cli.ts";

const MIB = 1 << 20;

async function makeDisk(dir: TempDir): Promise<void> {
  (await createVirtualDisk(dir.file("disk.vhdx"), { size: 4 * MIB, backend: "portable" })).close();
}

Deno.test("what write puts into a disk is what read gives", async () => {
  using dir = new TempDir();
  await makeDisk(dir);
  const bytes = pattern(MIB + 321);
  const { code, out, err } = await runCli(dir, ["write", "--offset", "1.5MiB", "disk.vhdx"], bytes);
  assertEquals([code, out, err], [0, "", ""]);
  const part = await runCli(dir, ["read", "--offset", "1.5MiB", "--length", "321", "disk.vhdx"]);
  assertBytesEqual(part.bytes, bytes.subarray(0, 321));
  const { bytes: all } = await runCli(dir, ["read", "disk.vhdx"]);
  const expected = new Uint8Array(4 * MIB);
  expected.set(bytes, 1.5 * MIB);
  assertBytesEqual(all, expected);
});

Deno.test("write takes as much of standard input as --length says", async () => {
  using dir = new TempDir();
  await makeDisk(dir);
  const args = ["--offset", "100", "--length", "50", "disk.vhdx"];
  assertEquals((await runCli(dir, ["write", ...args], pattern(1000))).code, 0);
  using disk = await openVirtualDisk(dir.file("disk.vhdx"), { backend: "portable" });
  const bytes = new Uint8Array(200);
  disk.readSync(bytes, 0);
  const expected = new Uint8Array(200);
  expected.set(pattern(50), 100);
  assertBytesEqual(bytes, expected);
});

Deno.test("read and write say what is wrong", async (t) => {
  using dir = new TempDir();
  await makeDisk(dir);
  const rows: [args: string[], code: number, message: string][] = [
    [["read"], 2, "FILE is missing"],
    [["read", "--offset", "x", "disk.vhdx"], 2, "--offset"],
    [["read", "none.vhdx"], 2, "ERROR_FILE_NOT_FOUND"],
    [
      ["write", "--length", "5MiB", "disk.vhdx"],
      2,
      "5,242,880 bytes from 0 on do not fit: the disk ends after 4,194,304 bytes",
    ],
    [
      ["write", "--offset", "4194300", "disk.vhdx"],
      2,
      "standard input does not fit: the disk ends after 4,194,304 bytes, and bytes 4194300 to 4194304",
    ],
    [["read", "--offset", "5MiB", "disk.vhdx"], 2, "--offset must be within the disk, which has"],
    [["write", "--offset", "5MiB", "disk.vhdx"], 2, "--offset must be within the disk, which has"],
    [["map", "--offset", "5MiB", "disk.vhdx"], 2, "--offset must be within the disk, which has"],
    [["write", "none.vhdx"], 2, "ERROR_FILE_NOT_FOUND"],
  ];
  for (const [args, code, message] of sampledRows(rows, 3)) {
    await t.step(args.join(" "), async () => {
      const outcome = await runCli(dir, args, pattern(100));
      assertEquals([outcome.code, outcome.out], [code, ""]);
      assertStringIncludes(outcome.err, message);
    });
  }
});
