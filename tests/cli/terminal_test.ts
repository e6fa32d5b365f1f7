/**
 * Every command on a pseudo-terminal, as a person runs it: what is piped shows neither colours nor the
 * questions that Deno asks on a terminal when a permission is missing.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createImage } from "../create_image.ts";
import { allStates, sampledRows } from "../sampling.ts";
import { withOneLess } from "../one_less.ts";
import { TempDir, testWith } from "../support.ts";
import {
  assertDrawn,
  DECLARATIONS,
  denoRun,
  grantsOf,
  NEEDS,
  onTerminal,
  type Terminal,
} from "./on_terminal.ts";

const MIB = 2 ** 20;
const METADATA_ID = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";

/** A command, and what it may read and write at least. */
interface Command {
  readonly line: string;
  /** Its exit status; default: 0. */
  readonly code?: number;
  readonly read?: string;
  readonly write?: string;
  /** The flags of other permissions. */
  readonly others?: string;
  /** Whether it tells what it knows, with status 1, if it may not read the parents. */
  readonly mayLackParents?: true;
}

/** Each command. Earlier ones make what later ones take. */
const COMMANDS: readonly Command[] = [
  { line: "create disk.vhdx 64M", read: ".", write: "." },
  { line: "create --parent disk.vhdx child.vhdx", read: ".", write: "." },
  { line: "info disk.vhdx child.vhdx", read: "disk.vhdx,child.vhdx" },
  { line: "info --json disk.vhdx", read: "disk.vhdx" },
  { line: "info none.vhdx", read: "none.vhdx", code: 2 },
  { line: "info --tree .", read: ".", code: 0 },
  { line: "info --tree child.vhdx", read: "disk.vhdx,child.vhdx", mayLackParents: true },
  { line: "diagnose child.vhdx", read: "disk.vhdx,child.vhdx" },
  { line: "diagnose none.vhdx", read: "none.vhdx", code: 2 },
  { line: "convert --subtype fixed disk.vhdx copy.vhd", read: ".", write: "." },
  { line: "write --offset 1MiB child.vhdx <bytes", read: ".", write: "child.vhdx" },
  { line: "read --length 4 child.vhdx >bytes", read: "disk.vhdx,child.vhdx" },
  { line: "changes child.vhdx", read: "disk.vhdx,child.vhdx", code: 1 },
  { line: "compare disk.vhdx copy.vhd", read: "disk.vhdx,copy.vhd" },
  { line: "compare disk.vhdx child.vhdx", read: "disk.vhdx,child.vhdx", code: 1 },
  { line: "map child.vhdx", read: "disk.vhdx,child.vhdx" },
  { line: "free disk.vhdx", read: "disk.vhdx" },
  { line: "map --as totals child.vhdx", read: "disk.vhdx,child.vhdx" },
  { line: "map --as pieces --free-space child.vhdx", read: "disk.vhdx,child.vhdx" },
  { line: "map --svg child.svg child.vhdx", read: "disk.vhdx,child.vhdx", write: "child.svg" },
  { line: "serve child.vhdx", read: ".", write: ".", others: "--allow-net" },
  { line: "rebase child.vhdx disk.vhdx", read: ".", write: "child.vhdx" },
  { line: "merge --into new.vhdx child.vhdx", read: ".", write: "." },
  { line: "merge --remove-child child.vhdx", read: ".", write: "disk.vhdx,child.vhdx" },
  { line: "expand disk.vhdx 65MiB", read: ".", write: "disk.vhdx" },
  { line: "resize disk.vhdx 66MiB", read: ".", write: "disk.vhdx" },
  { line: "compact disk.vhdx", read: "disk.vhdx", write: "disk.vhdx" },
  { line: "compact --free-space disk.vhdx", read: ".", write: "disk.vhdx" },
  { line: `metadata --set ${METADATA_ID} disk.vhdx <bytes`, read: ".", write: "disk.vhdx" },
  { line: "metadata disk.vhdx", read: "disk.vhdx" },
  {
    line: "serve --writable --socket nbd.sock disk.vhdx",
    read: ".",
    write: "disk.vhdx,nbd.sock",
    others: "--allow-net --allow-sys=umask",
  },
  { line: "map --salvage damaged.vhdx", read: "damaged.vhdx" },
  { line: "salvage --overwrite damaged.vhdx saved.vhdx", read: ".", write: "." },
  { line: "check disk.vhdx", read: "disk.vhdx" },
  { line: "check damaged.vhdx", read: "damaged.vhdx", code: 1 },
  { line: "check --repair damaged.vhdx", read: "damaged.vhdx", write: "damaged.vhdx" },
  { line: "completions bash" },
  { line: "manual" },
];

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

/** Images that the commands find in their folder. */
async function makeFiles(dir: TempDir): Promise<void> {
  Deno.writeTextFileSync(dir.file("bytes"), "boot");
  (await createImage(dir.file("damaged.vhdx"), { size: 8 * MIB })).close();
  // One of two headers: `check` finds it, and can repair it.
  using file = Deno.openSync(dir.file("damaged.vhdx"), { write: true });
  file.seekSync(64 * 1024 + 100, Deno.SeekMode.Start);
  file.writeSync(new Uint8Array([1]));
}

const helps = new Map<string, string>();

/** The help of the command of a line. */
async function helpOf(dir: TempDir, line: string): Promise<string> {
  const [name = ""] = line.split(" ");
  const known = helps.get(name);
  if (known !== undefined) return known;
  const { text } = await onTerminal(dir, `${denoRun(true, [])} ${name} --help`, {
    name,
    columns: 80,
  });
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
    for (const { line, code: expected = 0 } of COMMANDS) {
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
      const { line, code: expected = 0, read, write, others, mayLackParents } = command;
      await t.step(line, async () => {
        const grants = [
          ...(read === undefined ? [] : [`--allow-read=${read}`]),
          ...(write === undefined ? [] : [`--allow-write=${write}`]),
          ...(others?.split(" ") ?? []),
        ];
        // With one path less it refuses, and says which flag is missing. One at a time: some have the image to themselves
        // by then. A server is done with all of a flag at once.
        const lesser = others === undefined
          ? withOneLess(grants)
          : grants.map((missing) => grants.filter((each) => each !== missing));
        for (const fewer of sampledRows(lesser, 3, index)) {
          const { code, text } = await onTerminal(
            dir,
            `${denoRun(false, fewer)} ${line}`,
            terminal,
          );
          const lacksParents = mayLackParents && fewer.length === grants.length;
          assertEquals(code, lacksParents && code === 1 ? 1 : 2, text);
          if (code === 1) assertMatch(text, /may not read; add --allow-read for its folder/);
          else assertMatch(text, /run again with the --allow-[a-z]+ flag/);
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
