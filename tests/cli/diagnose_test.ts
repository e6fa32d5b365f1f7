import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createImage } from "../create_image.ts";
import { TempDir } from "../support.ts";
import { READ_ONLY, runCli } from "./run_cli.ts";

const MIB = 1 << 20;

/** Runs the command in `dir` with no permission but to read there. */
async function command(dir: TempDir, ...args: string[]) {
  return await runCli(dir, ["diagnose", ...args], READ_ONLY);
}

Deno.test("diagnose --json prints an object per file, and ends with 1 where there is an error", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("base.vhdx"), { size: 8 * MIB })).close();
  (await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") })).close();
  const args = ["--json", "--backend", "portable"];
  const good = await command(dir, ...args, "child.vhdx", "base.vhdx");
  assertEquals([good.code, good.err], [0, ""]);
  const [child, base] = good.out.trimEnd().split("\n").map((line) => JSON.parse(line));
  const said = ["verdict", "summary", "command", "findings"];
  assertEquals(Object.keys(child), ["schema", "subcommand", "ok", "path", ...said]);
  assertEquals([child.verdict, base.path], ["sound", dir.file("base.vhdx")]);

  Deno.removeSync(dir.file("base.vhdx"));
  const bad = await command(dir, ...args, "child.vhdx");
  assertEquals(bad.code, 1);
  const [error] = JSON.parse(bad.out).findings;
  assertEquals([error.severity, error.subject, error.code, error.symbol], [
    "error",
    "parent",
    0xc03a000d,
    "ERROR_VHD_PARENT_VHD_NOT_FOUND",
  ]);
});

Deno.test("diagnose prints each finding with its code and remedy, the worst first", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("base.vhdx"), { size: 8 * MIB })).close();
  (await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") })).close();
  Deno.removeSync(dir.file("base.vhdx"));
  const { code, out } = await command(dir, "--backend", "portable", "child.vhdx");
  assertEquals(code, 1);
  assertMatch(
    out,
    /^child\.vhdx\n {2}error parent: the parent is not at .* \(ERROR_VHD_PARENT_VHD_NOT_FOUND\)\n {4}The parent was moved/,
  );
  assertMatch(out, /\n {2}info format: VHDX image, differencing/);
  assertStringIncludes(out, "--allow-write");
});

Deno.test("a file that is missing or no image is a finding of diagnose", async () => {
  using dir = new TempDir();
  Deno.writeTextFileSync(dir.file("text.vhdx"), "no image");
  for (const file of ["none.vhd", "text.vhdx", "."]) {
    const { code, out, err } = await command(dir, "--json", "--backend", "portable", file);
    assertEquals([code, err], [file === "text.vhdx" ? 1 : 2, ""], file);
    assertEquals(JSON.parse(out).findings[0].severity, "error");
  }
});

Deno.test("diagnose goes on after a file that it may not read", async () => {
  using dir = new TempDir();
  using other = new TempDir();
  (await createImage(dir.file("a.vhdx"), { size: 8 * MIB })).close();
  const { code, out, err } = await command(
    dir,
    "--backend",
    "portable",
    other.file("b.vhd"),
    "a.vhdx",
  );
  assertEquals(code, 2);
  assertMatch(err, /Requires read access/);
  assertMatch(out, /^a\.vhdx\n/);
});

Deno.test("a wrong command line is explained, with status 2", async () => {
  using dir = new TempDir();
  for (const args of [[], ["--fast", "a"], ["--backend", "qemu", "a"]]) {
    const { code, out, err } = await command(dir, ...args);
    assertEquals([code, out], [2, ""]);
    assertStringIncludes(err, "\nSee `virtdisk diagnose --help`.\n");
  }
});
