/** `--quiet`: the exit status alone answers, as that of `cmp -s`. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { declarations } from "../../src/cli/declaration.ts";
import { createImage } from "../create_image.ts";
import { sampledRows } from "../sampling.ts";
import { pattern, TempDir, testWith } from "../support.ts";
import { runCli } from "./run_cli.ts";
import { runOnTerminal, terminalNeed } from "./terminal.ts";

const MIB = 2 ** 20;

/** A base, a copy of it, a child that differs in two places, and a file that is no image. */
async function images(): Promise<TempDir> {
  const dir = new TempDir();
  for (const name of ["base.vhdx", "copy.vhdx"]) {
    (await createImage(dir.file(name), { size: 8 * MIB })).close();
  }
  using child = await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") });
  child.writeSync(pattern(512), 0);
  child.writeSync(pattern(512), 4 * MIB);
  Deno.writeTextFileSync(dir.file("none.vhdx"), "no image");
  return dir;
}

const ROWS: readonly (readonly [line: string, status: number])[] = [
  ["info --quiet base.vhdx child.vhdx", 0],
  ["info --quiet none.vhdx base.vhdx", 2],
  ["info --quiet --tree child.vhdx", 0],
  ["compare --quiet base.vhdx copy.vhdx", 0],
  ["compare --quiet base.vhdx child.vhdx", 1],
  ["compare --quiet base.vhdx none.vhdx", 2],
  ["changes --quiet child.vhdx", 1],
  ["changes --quiet base.vhdx", 2],
  ["map --quiet child.vhdx", 0],
  ["map --quiet --as totals child.vhdx", 0],
  ["map --quiet --free-space child.vhdx", 0],
  ["map --quiet none.vhdx", 2],
  ["check --quiet child.vhdx", 0],
  ["check --quiet none.vhdx", 1],
];

Deno.test("--quiet prints nothing to standard output, and failures to standard error", async (t) => {
  using dir = await images();
  for (const [line, status] of ROWS) {
    await t.step(line, async () => {
      const { code, out, err } = await runCli(dir, line.split(" "));
      assertEquals([code, out], [status, ""]);
      if (status === 2) assertStringIncludes(err, "virtdisk: ");
      else assertEquals(err, "");
    });
  }
});

/** What a progress bar is drawn with. */
const DRAWN = "\x1b[K";
/** With this Deno itself clears the place where it tells of modules that it loads. */
const BY_DENO = "\x1b[0G\x1b[2K\x1b[J";

testWith([terminalNeed], "--quiet draws no progress bar on a terminal", async (t) => {
  using dir = await images();
  for (const [line, status] of sampledRows(ROWS.filter(([, status]) => status < 2), 6)) {
    await t.step(line, async () => {
      // Where standard output is a terminal too, some draw no bar: it goes elsewhere.
      const output = "answer.txt";
      const { code, text } = await runOnTerminal(dir, line.split(" "), { output });
      assertEquals([code, text.replaceAll(BY_DENO, "")], [status, ""]);
      if (!/^(?:map.*totals|check child|compare)/.test(line.replace("--quiet ", ""))) return;
      const loud = line.replace("--quiet ", "").split(" ");
      assertStringIncludes((await runOnTerminal(dir, loud, { output })).text, DRAWN);
    });
  }
});

Deno.test("--quiet is taken by each command that says so, and never with --json", async (t) => {
  using dir = await images();
  const quiet = (await declarations(COMMANDS)).filter(([, , { options }]) => "quiet" in options);
  assertEquals(
    quiet.map(([name]) => name).sort(),
    [...new Set(ROWS.map(([line]) => line.split(" ")[0]!))].sort(),
  );
  for (const [name, , { operands }] of quiet) {
    await t.step(name, async () => {
      const files = operands === "A B" ? ["base.vhdx", "copy.vhdx"] : ["child.vhdx"];
      const { code, out } = await runCli(dir, [name, "--quiet", "--json", ...files]);
      const message = `${name}: --json prints, and --quiet does not; leave one out`;
      assertEquals([code, JSON.parse(out).message], [2, message]);
    });
  }
});
