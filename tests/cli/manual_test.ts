/** The page of the manual, as programs for such pages read it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { declarations, typed } from "../../src/cli/declaration.ts";
import { TempDir, testWith, tool } from "../support.ts";
import { runCli } from "./run_cli.ts";

async function page(dir: TempDir): Promise<string> {
  const { code, out, err } = await runCli(dir, ["manual"]);
  assertEquals([code, err], [0, ""]);
  Deno.writeTextFileSync(dir.file("virtdisk.1"), out);
  return dir.file("virtdisk.1");
}

testWith(
  [tool("mandoc")],
  "manual: mandoc finds nothing wrong but that it has no date",
  async () => {
    using dir = new TempDir();
    const path = await page(dir);
    const { stdout } = new Deno.Command("mandoc", { args: ["-T", "lint", path] }).outputSync();
    const faults = new TextDecoder().decode(stdout).trim().split("\n");
    // The date of a version is that of its tag, which is not known here.
    assertEquals(faults, [`mandoc: ${path}:1:16: WARNING: missing date, using "": TH`]);
  },
);

testWith([tool("groff")], "manual: groff shows every command, option and example", async () => {
  using dir = new TempDir();
  const path = await page(dir);
  const args = ["-man", "-Tascii", "-ww", "-P-cbou", "-rLL=200n", path];
  const { stdout, stderr } = new Deno.Command("groff", { args }).outputSync();
  assertEquals(new TextDecoder().decode(stderr), "");
  const text = new TextDecoder().decode(stdout);
  for (const [name, , { options, examples }] of await declarations(COMMANDS)) {
    assertStringIncludes(text, `virtdisk ${name} [OPTION...]`);
    for (const option of Object.keys(options)) assertStringIncludes(text, typed(option));
    for (const [line] of examples) assertStringIncludes(text, `virtdisk ${line}\n`);
  }
});
