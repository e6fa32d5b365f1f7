import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { sampledRows } from "../sampling.ts";
import { TempDir } from "../support.ts";
import { runCli, runCliWith } from "./run_cli.ts";

const MIB = 1 << 20;

Deno.test("create makes an image and tells what it is", async () => {
  using dir = new TempDir();
  const { code, out, err } = await runCli(dir, ["create", "--size", "64MiB", "disk.vhdx"]);
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /^.*disk\.vhdx\n +Format +VHDX, dynamic\n +Virtual size +64 MiB/);
});

Deno.test("create --json has every option in the image", async () => {
  using dir = new TempDir();
  const identifier = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
  const rows: [args: string[], expected: [size: number, block: number, subtype: string]][] = [
    [["--size", "8MiB", "--block-size", "512KiB", "a.vhd"], [8 * MIB, MIB / 2, "dynamic"]],
    [["--size", "8MiB", "--subtype", "fixed", "b.vhd"], [8 * MIB, 0, "fixed"]],
    [["--size", "8388609KiB", "--type", "vhdx", "c.img"], [8388609 * 1024, 32 * MIB, "dynamic"]],
    [["--parent", "a.vhd", "d.vhd"], [8 * MIB, MIB / 2, "differencing"]],
    [["--size", "4097KiB", "--alignment", "1MiB", "e.vhd"], [5 * MIB, 2 * MIB, "dynamic"]],
    [["--size", "5", "--type", "raw", "f"], [5, 0, "unknown"]],
    [["--size", "5M", "h.raw"], [5 * MIB, 0, "unknown"]],
    [["--size", "10GB", "--type", "VHDX", "i.img"], [10240 * MIB, 32 * MIB, "dynamic"]],
  ];
  for (const [args, [virtualSize, blockSize, subtype]] of rows) {
    const { code, out, err } = await runCli(dir, ["create", "--json", ...args]);
    assertEquals([code, err], [0, ""], args.join(" "));
    const { path, backend, information, chain } = JSON.parse(out);
    assertEquals([path, backend], [dir.file(args.at(-1)!), "portable"]);
    assertEquals([information.size.virtualSize, information.size.blockSize], [
      virtualSize,
      blockSize,
    ]);
    assertEquals(information.providerSubtype, subtype);
    assertEquals(chain, args[0] === "--parent" ? [dir.file("a.vhd")] : []);
  }
  assertEquals((await runCli(dir, ["create", "j.vhdx", "10GiB"])).code, 0);
  const ten = await runCli(dir, ["info", "--json", "j.vhdx"]);
  assertEquals(JSON.parse(ten.out).information.size.virtualSize, 10 * 2 ** 30);
  const sectors = ["--sector-size", "4KiB", "--physical-sector-size", "4096"];
  const { out } = await runCli(dir, [
    ...["create", "--json", "--size", "8MiB", "--identifier", identifier],
    ...[...sectors, "g.vhdx"],
  ]);
  const { information } = JSON.parse(out);
  assertEquals([information.virtualDiskId, information.size.sectorSize], [identifier, 4096]);
});

Deno.test("create replaces a file only with --overwrite", async () => {
  using dir = new TempDir();
  Deno.writeTextFileSync(dir.file("disk.vhd"), "something else");
  const args = ["--size", "3MiB", "disk.vhd"];
  const refused = await runCli(dir, ["create", ...args]);
  assertEquals([refused.code, refused.out], [2, ""]);
  assertStringIncludes(refused.err, "ERROR_FILE_EXISTS");
  assertEquals(Deno.readTextFileSync(dir.file("disk.vhd")), "something else");
  assertEquals((await runCli(dir, ["create", "--overwrite", ...args])).code, 0);
});

Deno.test("a create that cannot be understood ends with 2, as one that fails", async (t) => {
  using dir = new TempDir();
  const rows: [args: string[], code: number, message: string][] = [
    [["a.vhd"], 2, "SIZE is missing, or --parent"],
    [["--size", "10GBit", "a.vhd"], 2, "did you mean 10GiB?"],
    [["--size", "1GiB"], 2, "FILE is missing"],
    [["--size", "1GiB", "a.vhd", "b.vhd"], 2, 'not "b.vhd"'],
    [["a.vhd", "1GiB", "b.vhd"], 2, 'takes FILE SIZE and no more, not "b.vhd"'],
    [["--size", "1GiB", "--type", "qcow2", "a"], 2, "--type must be vhd, vhdx or raw"],
    [["--size", "1GiB", "a.qcow2"], 2, "--type vhdx"],
    [
      ["--size", "1GiB", "--alignment", "1000", "a.vhd"],
      2,
      "alignment must be a multiple of 512, not 1000",
    ],
    [
      ["--size", "1MiB", "a.vhd"],
      2,
      "size must be at least 3 MiB, not 1 MiB (ERROR_INVALID_PARAMETER, 87)",
    ],
    [["--size", "1GiB", "--identifier", "x", "a.vhd"], 2, "--identifier must be a GUID, such as"],
    [["--size", "1GiB", "/a.vhd"], 2, "Requires"],
    [["--parent", "none.vhd", "a.vhd"], 2, "ERROR_FILE_NOT_FOUND"],
  ];
  for (const [args, code, message] of sampledRows(rows, 3)) {
    await t.step(args.join(" "), async () => {
      const outcome = await runCli(dir, ["create", ...args]);
      assertEquals([outcome.code, outcome.out], [code, ""]);
      assertStringIncludes(outcome.err, message);
      assertEquals([...Deno.readDirSync(dir.path)], []);
    });
  }
});

Deno.test("create --help tells of create alone", async () => {
  using dir = new TempDir();
  const { code, out } = await runCli(dir, ["create", "--help"]);
  assertEquals(code, 0);
  assertMatch(out, /^Usage: virtdisk create /);
  assertEquals(out.includes("convert"), false);
});

Deno.test("without permission to write, create names the folder, and no temporary file", async () => {
  using dir = new TempDir();
  const { code, err } = await runCliWith(dir, ["--allow-read=."], [
    "create",
    "a.vhdx",
    "1GiB",
  ]);
  assertEquals(code, 2);
  assertStringIncludes(
    err,
    `Requires write access to ${JSON.stringify(Deno.realPathSync(dir.path))}`,
  );
});
