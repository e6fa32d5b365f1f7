/**
 * Every command on a pseudo-terminal, as a person runs it: what is piped shows neither colours nor the
 * questions that Deno asks on a terminal when a permission is missing.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { allStates, IS_FULL, sampledRows } from "../sampling.ts";
import { TempDir, testWith } from "../support.ts";
import { COMMANDS, lesserGrants, makeFiles, theirGrants } from "./every_command.ts";
import {
  assertDrawn,
  DECLARATIONS,
  denoRun,
  grantsOf,
  NEEDS,
  onTerminal,
  type Terminal,
} from "./on_terminal.ts";
import { runCliWith } from "./run_cli.ts";

const TERMINALS: readonly Terminal[] = [
  { name: "wide", columns: 200 },
  { name: "narrow", columns: 20 },
  { name: "without colours", columns: 80, noColor: true },
  { name: "that could ask", columns: 80, mayAsk: true },
];

/** The flags that the help of a command names. */
function flagsIn(help: string): string[] {
  const [, text = ""] = /^Permissions:\n([^]*?)\n\n/m.exec(help) ?? [];
  return [...new Set(text.match(/--allow-[a-z]+/g))].sort();
}

const helps = new Map<string, string>();

/** The help of the command of a line. */
async function helpOf(dir: TempDir, line: string): Promise<string> {
  const [name = ""] = line.split(" ");
  const known = helps.get(name);
  if (known !== undefined) return known;
  // That a help asks for nothing on a terminal is seen of one in a sample, by terminal_examples_test.ts.
  const asked = `${denoRun(true, [])} ${name} --help`;
  const text = IS_FULL
    ? (await onTerminal(dir, asked, { name, columns: 80 })).text
    : (await runCliWith(dir, [], [name, "--help"])).out;
  helps.set(name, text.replaceAll("\r", ""));
  return text.replaceAll("\r", "");
}

// A narrow one is where most goes wrong.
for (const terminal of sampledRows(TERMINALS, 4, 1)) {
  testWith(NEEDS, `every command runs on a terminal, ${terminal.name}`, async (t) => {
    using dir = new TempDir();
    await makeFiles(dir);
    const mayAsk = terminal.mayAsk ?? false;
    let all = "";
    for (const { line, code: expected = 0, hasLike = false } of COMMANDS) {
      if (hasLike && !IS_FULL) continue;
      await t.step(line, async () => {
        const help = await helpOf(dir, line);
        const grants = grantsOf(line);
        for (const flag of grants) {
          assert(flagsIn(help).includes(flag.split("=")[0]!), help);
        }
        const deno = denoRun(mayAsk, grants);
        const { code, text } = await onTerminal(dir, `${deno} ${line}`, terminal);
        assertEquals(code, expected, text);
        assertDrawn(text, terminal);
        all += text;
      });
    }
    assertEquals(all.includes("\x1b[1m"), terminal.noColor !== true);
  });
}

testWith(
  [...NEEDS, allStates],
  "the permissions that a help names are all needed, and for no more than it says",
  async (t) => {
    using dir = new TempDir();
    await makeFiles(dir);
    const terminal = { name: "wide", columns: 200, noColor: true };
    for (const [index, command] of COMMANDS.entries()) {
      const { line, code: expected = 0, mayLackParents } = command;
      await t.step(line, async () => {
        const grants = theirGrants(command);
        // With one path less it refuses, and says which flag is missing. One at a time: some have the image to themselves
        // by then.
        for (const fewer of sampledRows(lesserGrants(command), 3, index)) {
          const { code, text } = await onTerminal(
            dir,
            `${denoRun(false, fewer)} ${line}`,
            terminal,
          );
          const lacksParents = mayLackParents && fewer.length === grants.length;
          assertEquals(code, lacksParents && code === 1 ? 1 : 2, text);
          if (code === 1) assertMatch(text, /may not read; add --allow-read for its folder/);
          else {assertMatch(
              text,
              /: start virtdisk with --allow-[a-z]+, or install it again with that flag/,
            );}
        }
        const { code, text } = await onTerminal(dir, `${denoRun(false, grants)} ${line}`, terminal);
        assertEquals(code, expected, text);
        assertDrawn(text, terminal);
      });
    }
  },
);

Deno.test("every command of this system is run on a terminal", () => {
  const names = COMMANDS.map(({ line }) => line.split(" ")[0]);
  assertEquals([...new Set(names)].sort(), [...DECLARATIONS.keys()].sort());
});
