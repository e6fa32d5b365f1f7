import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createVirtualDisk } from "@virtdisk/virtdisk";
import { denoCommand } from "../deno_command.ts";
import { sampledRows } from "../sampling.ts";
import { assertBytesEqual, onlyOn, pattern, TempDir, testWith } from "../support.ts";
import { CLI_ARGS, runCli } from "./run_cli.ts";

const MIB = 1 << 20;

/** A VHDX with something in it, and the bytes of its disk. */
async function makeSource(dir: TempDir): Promise<Uint8Array> {
  using disk = await createVirtualDisk(dir.file("source.vhdx"), {
    size: 5 * MIB,
    blockSize: MIB,
    backend: "portable",
  });
  disk.writeSync(pattern(MIB), 2 * MIB + 100);
  const bytes = new Uint8Array(5 * MIB);
  disk.readSync(bytes, 0);
  return bytes;
}

Deno.test("convert copies an image as another kind, and back", async () => {
  using dir = new TempDir();
  const bytes = await makeSource(dir);
  const toVhd = await runCli(dir, [
    ...["convert", "--subtype", "fixed", "--alignment", "1MiB", "source.vhdx", "disk.vhd"],
  ]);
  assertEquals([toVhd.code, toVhd.err], [0, ""]);
  assertMatch(toVhd.out, /disk\.vhd\n +Format +VHD, fixed\n/);
  const json = await runCli(dir, ["convert", "--json", "--type", "raw", "disk.vhd", "disk.raw"]);
  assertEquals(JSON.parse(json.out).information.size.virtualSize, 5 * MIB);
  assertBytesEqual(Deno.readFileSync(dir.file("disk.raw")), bytes);
  const back = await runCli(dir, ["convert", "--source-type", "raw", "disk.raw", "back.vhdx"]);
  assertEquals(back.code, 0);
  const { bytes: read } = await runCli(dir, ["read", "back.vhdx"]);
  assertBytesEqual(read, bytes);
});

Deno.test("convert reads a raw disk from standard input, and writes images to standard output", async () => {
  using dir = new TempDir();
  const bytes = await makeSource(dir);
  const raw = await runCli(dir, ["convert", "--type", "raw", "source.vhdx", "-"]);
  assertEquals([raw.code, raw.err], [0, ""]);
  assertBytesEqual(raw.bytes, bytes);
  const options = ["--subtype", "fixed", "-", "disk.vhd"];
  assertEquals((await runCli(dir, ["convert", ...options], bytes)).code, 0);
  assertBytesEqual(Deno.readFileSync(dir.file("disk.vhd")).subarray(0, bytes.length), bytes);
  const sized = await runCli(dir, ["convert", "--size", "6MiB", "-", "disk.vhdx"], bytes);
  assertEquals(sized.code, 0);
  const { bytes: read } = await runCli(dir, ["read", "--length", "5MiB", "disk.vhdx"]);
  assertBytesEqual(read, bytes);
});

Deno.test("convert passes a disk on from standard input to standard output", async (t) => {
  using dir = new TempDir();
  const bytes = await makeSource(dir);
  const kinds = [
    ["--type", "raw"],
    ["--type", "vhd"],
    ["--type", "vhd", "--subtype", "fixed"],
    ["--type", "vhdx", "--size", "6MiB"],
    ["--type", "vhdx", "--subtype", "fixed"],
  ];
  for (const kind of sampledRows(kinds, 5, 3)) {
    await t.step(kind.join(" "), async () => {
      const passed = await runCli(dir, ["convert", ...kind, "-", "-"], bytes);
      assertEquals([passed.code, passed.err], [0, ""]);
      assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["source.vhdx"]);
      const file = dir.file("passed");
      Deno.writeFileSync(file, passed.bytes);
      const back = ["convert", "--type", "raw", ...rawType(kind), "passed", "-"];
      const { bytes: read, err } = await runCli(dir, back);
      assertEquals(err, "");
      assertBytesEqual(read.subarray(0, bytes.length), bytes);
      Deno.removeSync(file);
    });
  }
});

function rawType(kind: readonly string[]): string[] {
  return kind.includes("raw") ? ["--source-type", "raw"] : [];
}

Deno.test("an image on standard input is refused, unless it is said to be the disk", async (t) => {
  using dir = new TempDir();
  await makeSource(dir);
  for (
    const args of [["source.vhdx", "dynamic.vhd"], [
      "--subtype",
      "fixed",
      "source.vhdx",
      "fixed.vhd",
    ]]
  ) {
    await runCli(dir, ["convert", ...args]);
  }
  const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name).toSorted();
  assertEquals(names, ["dynamic.vhd", "fixed.vhd", "source.vhdx"]);
  const targets = [["--size", "64MiB", "new.vhdx"], ["--type", "raw", "-"]];
  for (const [i, name] of names.entries()) {
    for (const target of sampledRows(targets, 3, i)) {
      await t.step(`${name} to ${target.at(-1)}`, async () => {
        const image = Deno.readFileSync(dir.file(name));
        const args = ["convert", ...target.slice(0, -1), "-", target.at(-1)!];
        const refused = await runCli(dir, args, image);
        assertEquals([refused.code, refused.out], [2, ""]);
        const format = name.endsWith(".vhd") ? "VHD" : "VHDX";
        assertStringIncludes(refused.err, `the source is a ${format} image`);
        assertStringIncludes(refused.err, "or: Pass --source-type raw");
        assertEquals([...Deno.readDirSync(dir.path)].map((each) => each.name).toSorted(), names);
        const insisted = await runCli(dir, [...args, "--source-type", "raw"], image);
        assertEquals([insisted.code, insisted.err], [0, ""]);
        if (target.at(-1) === "-") return assertBytesEqual(insisted.bytes, image);
        Deno.removeSync(dir.file("new.vhdx"));
      });
    }
  }
  const forced = ["--source-type", "raw", "--force", "--type", "raw"];
  await runCli(dir, ["convert", ...forced, "fixed.vhd", "copy"]);
  assertBytesEqual(Deno.readFileSync(dir.file("copy")), Deno.readFileSync(dir.file("fixed.vhd")));
  const { bytes } = await runCli(dir, ["convert", ...forced, "fixed.vhd", "-"]);
  assertBytesEqual(bytes, Deno.readFileSync(dir.file("fixed.vhd")));
});

Deno.test("a convert that cannot be understood ends with 2, as one that fails", async (t) => {
  using dir = new TempDir();
  await makeSource(dir);
  Deno.writeFileSync(dir.file("disk.raw"), pattern(5 * MIB));
  const rows: [args: string[], code: number, message: string][] = [
    [["source.vhdx"], 2, "convert: TARGET is missing"],
    [["-", "-"], 2, "standard output needs --type"],
    [
      ["--type", "vhd", "-", "-"],
      2,
      '"-": the source is empty (what comes in is kept in the current folder)',
    ],
    [["--force", "source.vhdx", "a.vhd"], 2, "--force needs --source-type raw"],
    [["--source-type", "raw", "source.vhdx", "a.vhd"], 2, "Pass --force to take its bytes"],
    [["--source-type", "raw", "--type", "raw", "source.vhdx", "-"], 2, "is a VHDX image, not"],
    [["source.vhdx", "-"], 2, "standard output needs --type"],
    [["--source-type", "vhd", "-", "a.vhd"], 2, "standard input must be a raw disk"],
    [["disk.raw", "a.vhd"], 2, "pass --source-type raw."],
    [["none.vhdx", "a.vhd"], 2, "ERROR_FILE_NOT_FOUND"],
    [["source.vhdx", "disk.raw", "--type", "raw"], 2, "ERROR_FILE_EXISTS"],
    [
      ["source.vhdx", "a.vhd", "--size", "4MiB"],
      2,
      "size must be at least that of the source, 5242880, not 4194304",
    ],
    [["-", "a.vhdx"], 2, "--size is missing: a stream does not say how long it is"],
    [["none.vhdx", "--type", "raw", "-"], 2, "ERROR_FILE_NOT_FOUND"],
  ];
  for (const [args, code, message] of sampledRows(rows, 3)) {
    await t.step(args.join(" "), async () => {
      const outcome = await runCli(dir, ["convert", ...args]);
      assertEquals([outcome.code, outcome.out], [code, ""]);
      assertStringIncludes(outcome.err, message);
      const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name);
      assertEquals(names.toSorted(), ["disk.raw", "source.vhdx"]);
    });
  }
});

testWith(
  [onlyOn("linux", "darwin")],
  "Ctrl-C leaves nothing behind, and ends with 130",
  async () => {
    using dir = new TempDir();
    const child = denoCommand({
      args: [...CLI_ARGS, "convert", "--type", "raw", "-", "disk.raw"],
      cwd: dir.path,
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new Uint8Array(MIB).fill(1));
    // The temporary file is there as soon as the command listens.
    while ([...Deno.readDirSync(dir.path)].length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    child.kill("SIGINT");
    const { code, stderr } = await child.output();
    assertEquals([code, new TextDecoder().decode(stderr)], [
      130,
      "virtdisk: interrupted: there is no new image\n",
    ]);
    assertEquals([...Deno.readDirSync(dir.path)], []);
    await writer.abort().catch(() => {});
  },
);
