/**
 * Every command on a pseudo-terminal, as a person runs it: what is piped shows neither colours nor the
 * questions that Deno asks on a terminal when a permission is missing.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS as COMMANDS_OF_PROGRAM } from "../../src/cli/commands.ts";
import { type Declaration, declarations, permissionsFor } from "../../src/cli/declaration.ts";
import { flagsOf } from "../../src/cli/program.ts";
import { createImage } from "../create_image.ts";
import { openImage } from "../images.ts";
import { MemoryDisk } from "../portable/partitions/partition_builder.ts";
import { sampledRows } from "../sampling.ts";
import { runCli } from "./run_cli.ts";
import { ROOT, run, TempDir, testWith, tool } from "../support.ts";

const MIB = 2 ** 20;
/** Both are of util-linux and coreutils. */
const NEEDS = [tool("script"), tool("stty")];
const MAIN = `${ROOT}/src/cli/main.ts`;
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
}

/** Each command. Earlier ones make what later ones take. */
const COMMANDS: readonly Command[] = [
  { line: "create disk.vhdx 64M", read: ".", write: "." },
  { line: "create --parent disk.vhdx child.vhdx", read: ".", write: "." },
  { line: "info disk.vhdx child.vhdx", read: "disk.vhdx,child.vhdx" },
  { line: "info --json disk.vhdx", read: "disk.vhdx" },
  { line: "info none.vhdx", read: "none.vhdx", code: 2 },
  { line: "info --tree .", read: ".", code: 0 },
  { line: "info --tree child.vhdx", read: "disk.vhdx,child.vhdx" },
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
  { line: "salvage --overwrite damaged.vhdx saved.vhdx", read: ".", write: "." },
  { line: "check disk.vhdx", read: "disk.vhdx" },
  { line: "check damaged.vhdx", read: "damaged.vhdx", code: 1 },
  { line: "check --repair damaged.vhdx", read: "damaged.vhdx", write: "damaged.vhdx" },
  { line: "completions bash" },
  { line: "manual" },
];

/** The declarations of the commands that there are on this system. */
const DECLARATIONS: ReadonlyMap<string, Declaration> = new Map(
  (await declarations(COMMANDS_OF_PROGRAM)).filter(([name]) =>
    COMMANDS_OF_PROGRAM.get(name)!.system === undefined
  ).map(([name, , declaration]) => [name, declaration]),
);

/** How a terminal is, and whether Deno may ask for permissions there. */
interface Terminal {
  readonly name: string;
  readonly columns: number;
  readonly noColor?: boolean;
  readonly mayAsk?: boolean;
}

const TERMINALS: readonly Terminal[] = [
  { name: "wide", columns: 200 },
  { name: "narrow", columns: 20 },
  { name: "without colours", columns: 80, noColor: true },
  { name: "that could ask", columns: 80, mayAsk: true },
];

/** What a progress bar draws with, colours or none. */
const ERASE_REST = "\x1b[K";
const ERASE_LINE = "\x1b[2K";

/** The permissions that a command line needs by its declaration, for files of this folder. */
function grantsOf(line: string): string[] {
  const [name = "", ...args] = line.split(" ");
  return flagsOf(permissionsFor(DECLARATIONS.get(name)!, args), ".").sort();
}

/** The flags that the help of a command names. */
function flagsIn(help: string): string[] {
  const [, text = ""] = /^Permissions:\n([^]*?)\n\n/m.exec(help) ?? [];
  return [...new Set(text.match(/--allow-[a-z]+/g))].sort();
}

/** Runs a line of the shell on a terminal, in a folder; gives its exit status and all that was drawn. */
async function onTerminal(
  dir: TempDir,
  line: string,
  { columns, noColor = false }: Terminal,
): Promise<{ code: number; text: string }> {
  const { DENO_DIR, HOME, JSR_URL, PATH } = Deno.env.toObject();
  const isServer = / serve (?!--help)/.test(line);
  const child = new Deno.Command("script", {
    args: isServer
      ? ["-qfec", `stty cols ${columns} && ${untilServing(line)}`, SCREEN]
      : ["-qec", `stty cols ${columns} && ${line}`, "/dev/null"],
    cwd: dir.path,
    clearEnv: true,
    env: {
      ...Object.fromEntries(
        Object.entries({ DENO_DIR, HOME, JSR_URL, PATH }).filter(([, value]) =>
          value !== undefined
        ),
      ),
      DENO_NO_UPDATE_CHECK: "1",
      SHELL: "/bin/sh",
      TERM: "xterm-256color",
      TMPDIR: dir.path,
      ...(noColor ? { NO_COLOR: "1" } : {}),
    },
    stdin: "null",
    // A question would wait for ever.
    signal: AbortSignal.timeout(30_000),
  });
  const { code, stdout } = await child.output();
  return { code, text: new TextDecoder().decode(stdout) };
}

/** What the terminal has drawn, by which a server is seen to serve. */
const SCREEN = "screen";

/** Ends a command that goes on until it is interrupted, once it says how. */
function untilServing(line: string): string {
  const serves = `until grep -q 'Press Ctrl-C' ${SCREEN} || ! kill -0 $!; do sleep 0.1; done`;
  return `{ ${line} & } && ${serves}; kill -INT $!; wait $!`;
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

/** The files that the examples of the commands name. */
async function makeExampleFiles(dir: TempDir): Promise<void> {
  for (const name of ["boot.bin", "note.txt"]) Deno.writeTextFileSync(dir.file(name), "boot");
  // With a hole, so that a copy takes no time.
  Deno.writeFileSync(dir.file("disk.img"), new Uint8Array(0));
  Deno.truncateSync(dir.file("disk.img"), 64 * MIB);
  {
    using disk = await createImage(dir.file("disk.vhdx"), { size: 64 * MIB });
    const table = new MemoryDisk(64 * MIB / 512);
    table.gpt([2048, 8191]);
    disk.writeSync(table.bytes, 0);
    disk.metadata.set(METADATA_ID, new TextEncoder().encode("note"));
  }
  (await createImage(dir.file("disk.vhd"), { size: 8 * MIB })).close();
  (await createImage(dir.file("copy.vhd"), { size: 64 * MIB })).close();
  (await createImage(dir.file("base.vhdx"), { size: 64 * MIB })).close();
  (await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") })).close();
  (await createImage(dir.file("broken.vhdx"), { size: 64 * MIB, subtype: "fixed" })).close();
  Deno.truncateSync(dir.file("broken.vhdx"), 20 * MIB);
  Deno.mkdirSync(dir.file("moved"));
  Deno.copyFileSync(dir.file("base.vhdx"), dir.file("moved/base.vhdx"));
}

/** What a terminal shows is as wide as the terminal where it is drawn over, and coloured where it may be. */
function assertDrawn(text: string, { columns, noColor = false }: Terminal): void {
  assert(!/requests|Requires|NotCapable/.test(text), text);
  for (const drawn of text.split(ERASE_REST).slice(0, -1)) {
    const bar = drawn.slice(drawn.lastIndexOf("\r") + 1);
    assert(bar.length < columns, JSON.stringify(bar));
  }
  const rest = text.replaceAll(ERASE_REST, "").replaceAll(ERASE_LINE, "");
  assert(!noColor || !rest.includes("\x1b"), text);
}

/** How `deno` begins. */
function denoRun(mayAsk: boolean, grants: readonly string[]): string {
  return [Deno.execPath(), "run", ...(mayAsk ? [] : ["--no-prompt"]), ...grants, MAIN].join(" ");
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

// A narrow one, and one on which Deno could ask, are where most goes wrong.
for (const terminal of sampledRows(TERMINALS, 2, 1)) {
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
  NEEDS,
  "the permissions that a help names are all needed, and for no more than it says",
  async (t) => {
    using dir = new TempDir();
    await makeFiles(dir);
    const terminal = { name: "wide", columns: 200, noColor: true };
    for (const { line, code: expected = 0, read, write, others } of COMMANDS) {
      await t.step(line, async () => {
        const grants = [
          ...(read === undefined ? [] : [`--allow-read=${read}`]),
          ...(write === undefined ? [] : [`--allow-write=${write}`]),
          ...(others?.split(" ") ?? []),
        ];
        // With one less it refuses, and says which is missing: at once, for it does nothing before.
        await Promise.all(grants.map(async (missing) => {
          const fewer = grants.filter((each) => each !== missing);
          const { code, text } = await onTerminal(
            dir,
            `${denoRun(false, fewer)} ${line}`,
            terminal,
          );
          const [flag = ""] = missing.split("=");
          assertEquals(code, 2, text);
          assertStringIncludes(text, `run again with the ${flag} flag`);
        }));
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

testWith(NEEDS, "the examples of a help run, with the permissions that it names", async (t) => {
  using original = new TempDir();
  await makeExampleFiles(original);
  const terminal = { name: "wide", columns: 200, noColor: true };
  for (const { examples, statuses } of DECLARATIONS.values()) {
    for (const [line] of examples) {
      await t.step(line, async () => {
        using dir = new TempDir();
        run("cp", "-R", `${original.path}/.`, dir.path);
        const shellLine = `${denoRun(false, grantsOf(line))} ${line}`;
        const { code, text } = await onTerminal(dir, shellLine, terminal);
        assert(code === 0 || code === 1 && statuses?.[1] !== undefined, text);
        assertDrawn(text, terminal);
      });
    }
  }
});

Deno.test("the examples of commands for Windows alone are understood", async (t) => {
  using dir = new TempDir();
  for (const [name, , { examples }] of await declarations(COMMANDS_OF_PROGRAM)) {
    if (DECLARATIONS.has(name)) continue;
    for (const [line] of examples) {
      await t.step(line, async () => {
        // Without the permission, on Windows too, so that nothing is attached there.
        const { code, out, err } = await runCli(dir, line.split(" "));
        assertEquals([code, out], [2, ""]);
        assert(/only Windows attaches|--allow-ffi/.test(err), err);
      });
    }
  }
});

testWith(NEEDS, "a help is as wide as the terminal", async (t) => {
  using dir = new TempDir();
  for (const columns of [60, 80, 200]) {
    await t.step(`${columns} columns`, async () => {
      const { text } = await onTerminal(dir, `${denoRun(false, [])} create --help`, {
        name: "",
        columns,
      });
      const [prose = ""] = text.replaceAll("\r", "").split("\n\nExamples:");
      const longest = Math.max(...prose.split("\n").map((line) => line.length));
      assert(longest < Math.min(columns, 101) && longest > Math.min(columns, 101) - 20, text);
    });
  }
});

testWith(
  NEEDS,
  "map draws a disk as wide as the terminal, in characters that tell it without colours",
  async (t) => {
    using dir = new TempDir();
    await makeExampleFiles(dir);
    {
      using child = await openImage(dir.file("child.vhdx"));
      child.writeSync(new Uint8Array(9 * MIB).fill(1), 5 * MIB);
    }
    // deno-lint-ignore no-control-regex
    const style = /\x1b\[[0-9;]*m/g;
    const progress = new RegExp(
      `\r[^\r\n]*?${RegExp.escape(ERASE_REST)}|\r?${RegExp.escape(ERASE_LINE)}`,
      "g",
    );
    for (const columns of [20, 59, 60, 80, 200]) {
      await t.step(`${columns} columns`, async () => {
        const [colored = "", plain = ""] = await Promise.all([false, true].map(async (noColor) => {
          const line = `${denoRun(false, ["--allow-read=."])} map child.vhdx`;
          const { code, text } = await onTerminal(dir, line, { name: "", columns, noColor });
          assertEquals(code, 0, text);
          return text.replaceAll(progress, "").replaceAll("\r\n", "\n");
        }));
        assertEquals([
          colored.includes("\x1b[48") || colored.includes(";48;5;"),
          plain.includes("\x1b"),
        ], [true, false]);
        assertEquals(colored.replaceAll(style, ""), plain);
        // deno-lint-ignore no-control-regex
        assertEquals(/[^\x0a\x20-\x7e]/.exec(plain), null);
        const lengths = plain.split("\n").map((each) => each.length);
        assert(Math.max(...lengths) < columns, plain);
        const rows = plain.split("\n").filter((each) =>
          /^(?: *[0-9.]+ [KMG]iB |^ *0 bytes )?[#+.]+$/.test(each)
        );
        assertEquals(Math.max(...rows.map((each) => each.length)), columns - 1, plain);
        assert(rows.length > 1 && rows.length <= 17, plain);
        assert(
          rows.some((row) => row.includes("#")) && rows.some((row) => row.includes(".")),
          plain,
        );
      });
    }
  },
);

testWith(NEEDS, "the demo asks for nothing on a terminal", async () => {
  using dir = new TempDir();
  const terminal = { name: "that could ask", columns: 80, mayAsk: true };
  const task = `${Deno.execPath()} task --cwd ${ROOT} -q demo`;
  const { code, text } = await onTerminal(dir, task, terminal);
  assertEquals(code, 0, text);
  assertDrawn(text, terminal);
});

testWith(NEEDS, "bytes are not drawn on a terminal, and not waited for there", async (t) => {
  using dir = new TempDir();
  const terminal = { name: "wide", columns: 200, noColor: true };
  const deno = denoRun(false, ["--allow-read=.", "--allow-write=."]);
  (await createImage(dir.file("disk.vhdx"), { size: 8 * MIB })).close();
  const out = "standard output is a terminal, which these bytes would garble\r\n" +
    "Add `| xxd` to look at them, or `> FILE` to keep them.\r\n";
  const input = "standard input is a terminal, so the bytes would have to be typed\r\n" +
    "Add `< FILE`, or begin with `PROGRAM |`.\r\n";
  const rows: [line: string, code: number, text: string][] = [
    ["read disk.vhdx", 2, `virtdisk: read: ${out}`],
    ["read --length 4 disk.vhdx 2>bar | od -An -tx1", 0, " 00 00 00 00\r\n"],
    ["convert --type vhd disk.vhdx -", 2, `virtdisk: convert: ${out}`],
    ["convert - new.vhdx", 2, `virtdisk: convert: ${input}`],
    ["write disk.vhdx", 2, `virtdisk: write: ${input}`],
    [`metadata --set ${METADATA_ID} disk.vhdx`, 2, `virtdisk: metadata: ${input}`],
    [`metadata --get ${METADATA_ID} disk.vhdx`, 2, `virtdisk: metadata: ${out}`],
  ];
  for (const [line, code, text] of rows) {
    await t.step(line, async () => {
      assertEquals(await onTerminal(dir, `${deno} ${line}`, terminal), { code, text });
    });
  }
});
