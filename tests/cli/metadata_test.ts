import { assertEquals, assertStringIncludes } from "@std/assert";
import { createVirtualDisk } from "@virtdisk/virtdisk";
import { sampledRows } from "../sampling.ts";
import { assertBytesEqual, pattern, TempDir } from "../support.ts";
import { runCli } from "./run_cli.ts";

const MIB = 1 << 20;
const ITEM = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";

async function makeDisk(dir: TempDir, name = "disk.vhdx"): Promise<void> {
  (await createVirtualDisk(dir.file(name), { size: 4 * MIB, backend: "portable" })).close();
}

Deno.test("metadata sets, lists, gets and deletes items", async () => {
  using dir = new TempDir();
  await makeDisk(dir);
  const empty = await runCli(dir, ["metadata", "disk.vhdx"]);
  assertEquals([empty.code, empty.out, empty.err], [0, "", ""]);
  const value = pattern(1500);
  const set = await runCli(dir, ["metadata", "--set", ITEM.toUpperCase(), "disk.vhdx"], value);
  assertEquals([set.code, set.out, set.err], [0, "", ""]);
  assertEquals(
    (await runCli(dir, ["metadata", "disk.vhdx"])).out,
    `${ITEM}  1.5 KiB (1,500 bytes)\n`,
  );
  const { out } = await runCli(dir, ["metadata", "--json", "disk.vhdx"]);
  assertEquals(JSON.parse(out).items, [{ id: ITEM, length: 1500 }]);
  assertBytesEqual((await runCli(dir, ["metadata", "--get", ITEM, "disk.vhdx"])).bytes, value);
  assertEquals((await runCli(dir, ["metadata", "--delete", ITEM, "disk.vhdx"])).code, 0);
  assertEquals((await runCli(dir, ["metadata", "disk.vhdx"])).out, "");
});

Deno.test("metadata changes that cost children need --ignore-children", async () => {
  using dir = new TempDir();
  await makeDisk(dir);
  const parent = dir.file("disk.vhdx");
  (await createVirtualDisk(dir.file("child.vhdx"), { parent, backend: "portable" })).close();
  const refused = await runCli(dir, ["metadata", "--set", ITEM, "disk.vhdx"], pattern(10));
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.err, "--ignore-children");
  const args = ["metadata", "--ignore-children", "disk.vhdx"];
  assertEquals((await runCli(dir, [...args, "--set", ITEM], pattern(10))).code, 0);
  assertEquals((await runCli(dir, [...args, "--delete", ITEM])).code, 0);
});

Deno.test("metadata says what is wrong", async (t) => {
  using dir = new TempDir();
  await makeDisk(dir);
  await makeDisk(dir, "disk.vhd");
  const rows: [args: string[], code: number, message: string][] = [
    [[], 2, "FILE is missing"],
    [["--get", ITEM, "--delete", ITEM, "disk.vhdx"], 2, "at a time"],
    [["--get", ITEM, "disk.vhdx"], 2, "there is no metadata item"],
    [["--delete", ITEM, "disk.vhdx"], 2, "there is no metadata item"],
    [["--get", "x", "disk.vhdx"], 2, "--get must be a GUID, such as"],
    [["--set", ITEM, "disk.vhdx"], 2, "at most 1048576 bytes"],
    [["disk.vhd"], 2, "ERROR_NOT_SUPPORTED"],
    [["none.vhdx"], 2, "ERROR_FILE_NOT_FOUND"],
  ];
  for (const [args, code, message] of sampledRows(rows, 4)) {
    await t.step(args.join(" "), async () => {
      const outcome = await runCli(dir, ["metadata", ...args], new Uint8Array(MIB + 1));
      assertEquals([outcome.code, outcome.out], [code, ""]);
      assertStringIncludes(outcome.err, message);
    });
  }
});
