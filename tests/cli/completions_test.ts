/** What real shells complete, with the scripts that `virtdisk completions` prints. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { declarations, operandsOf, typed } from "../../src/cli/declaration.ts";
import { circumstance, pythonModule, run, TempDir, testWith, tool } from "../support.ts";
import { runCli } from "./run_cli.ts";

const ALL = await declarations(COMMANDS);
const NAMES = ALL.map(([name]) => name);
const FIRST_WORDS = [...NAMES, "help"];

/** A folder with two files in it, and the script of a shell beside it. */
async function prepare(shell: string): Promise<{ dir: TempDir; script: string }> {
  const dir = new TempDir();
  const { code, out, err } = await runCli(dir, ["completions", shell]);
  assertEquals([code, err], [0, ""]);
  Deno.mkdirSync(dir.file("images"));
  Deno.writeTextFileSync(dir.file("script"), out);
  for (const name of ["disk.vhdx", "other.vhd"]) {
    Deno.writeTextFileSync(dir.file(`images/${name}`), "");
  }
  return { dir, script: dir.file("script") };
}

/** What each line completes to, the last word of it being the beginning. */
interface Case {
  readonly line: string;
  readonly words: readonly string[];
}

/** What follows from every declaration. */
function casesOf([name, , declaration]: typeof ALL[number]): Case[] {
  const { options } = declaration;
  const all = Object.entries(options);
  const words = operandsOf(declaration).flatMap(({ words = [] }) => words);
  return [
    { line: `${name} --`, words: [...all.map(([option]) => typed(option)), "--help"] },
    ...all.flatMap(([option, { value, ...rest }]) =>
      value === undefined || !("words" in rest) || rest.words === undefined
        ? []
        : [{ line: `${name} ${typed(option)} `, words: rest.words }]
    ),
    ...(words.length === 0 ? [] : [{ line: `${name} ${words[0]![0]}`, words: [words[0]!] }]),
  ];
}

const CASES: readonly Case[] = [
  { line: "inf", words: ["info"] },
  { line: "c", words: NAMES.filter((name) => name.startsWith("c")) },
  { line: "help m", words: NAMES.filter((name) => name.startsWith("m")) },
  { line: "check --re", words: ["--repair"] },
  { line: "info --type vh", words: ["vhd", "vhdx"] },
  ...ALL.flatMap(casesOf),
];

Deno.test("completions: there is a script for each shell, and another shell is a mistake", async () => {
  using dir = new TempDir();
  const { code, err } = await runCli(dir, ["completions", "pwsh"]);
  assertEquals(code, 2);
  assert(err.startsWith('virtdisk: SHELL must be bash, zsh, fish or powershell, not "pwsh"'), err);
});

testWith([tool("bash")], "completions: bash completes what the declarations say", async () => {
  const { dir, script } = await prepare("bash");
  using _ = dir;
  const complete = (line: string) =>
    `COMP_WORDS=(virtdisk ${line.replaceAll("=", " = ")}${/[ =]$/.test(line) ? ` ""` : ""}); ` +
    `COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _virtdisk; echo "\${COMPREPLY[*]}"`;
  const cases = [...CASES, { line: "info --type=", words: ["vhd", "vhdx", "iso", "raw"] }, {
    line: "info --type=r",
    words: ["raw"],
  }, { line: "info d", words: [] }];
  const out = run(
    "bash",
    "-c",
    [`source ${script}`, ...cases.map(({ line }) => complete(line))].join("\n"),
  );
  const found = out.split("\n").slice(0, -1);
  for (const [index, { line, words }] of cases.entries()) {
    assertEquals(found[index]!.split(" ").filter((word) => word !== ""), [...words], line);
  }
});

testWith([tool("fish")], "completions: fish completes what the declarations say", async () => {
  const { dir, script } = await prepare("fish");
  using _ = dir;
  const lines = CASES.map(({ line }) => `complete -C 'virtdisk ${line}'; echo ---`);
  const images = `cd ${dir.file("images")}`;
  const files = "complete -C 'virtdisk info d'; echo ---; complete -C 'virtdisk inf'";
  const out = run(
    "fish",
    "--no-config",
    "-c",
    [`source ${script}`, images, ...lines, files].join("\n"),
  );
  const found = out.split("---\n").map((each) =>
    each.split("\n").filter((line) => line !== "").map((line) => line.split("\t")[0]!)
  );
  for (const [index, { line, words }] of CASES.entries()) {
    // Where there are words of an operand there may be files, too.
    const offered = found[index]!.filter((word) =>
      !word.endsWith(".vhdx") && !word.endsWith(".vhd")
    );
    assertEquals(offered.sort(), [...words].sort(), line);
  }
  assertEquals(found[CASES.length], ["disk.vhdx"]);
  assert(out.endsWith("info\tprint what images are\n"), out);
});

/** Types at a terminal of the shell, and prints all that is seen there. */
const TYPIST = `
import os, pty, select, sys, time
shell, folder, *keys = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(folder)
    os.environ["PS1"] = "READY> "
    os.execvp("sh", ["sh", "-c", shell])
def see(until, limit=20):
    seen, end = b"", time.time() + limit
    while time.time() < end and not until(seen):
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                break
    return seen.decode(errors="replace")
for key in keys:
    expected, _, typed = key.partition("|")
    text = see(lambda seen: expected.encode() in seen)
    sys.stdout.write(text)
    if expected not in text:
        sys.exit("not seen: " + expected + " in " + repr(text))
    os.write(terminal, typed.encode().decode("unicode_escape").encode())
os.close(terminal)
`;

/** Types at a shell; each step waits for a text, and then types another. */
function typeAt(
  shell: string,
  dir: TempDir,
  steps: readonly [seen: string, typed: string][],
): void {
  const keys = steps.map(([seen, typed]) => `${seen}|${typed}`);
  run("/usr/bin/python3", "-c", TYPIST, shell, dir.file("images"), ...keys);
}

const TERMINAL = pythonModule("pty");
/** What somebody types, and sees next. */
const STEPS: readonly [seen: string, typed: string][] = [
  ["DONE", "virtdisk inf\\t"],
  ["virtdisk info ", "--no\\t"],
  ["--no-parents ", "di\\t"],
  // A file, where a file is taken.
  ["disk.vhdx", "\\x15virtdisk create --sub\\t"],
  ["--subtype", ""],
];

testWith([tool("bash"), TERMINAL], "completions: bash completes at a terminal", async () => {
  const { dir, script } = await prepare("bash");
  using _ = dir;
  typeAt("bash --norc --noprofile", dir, [
    ["READY> ", `source ${script}; echo DO""NE\\r`],
    ...STEPS,
  ]);
});

testWith([tool("zsh"), TERMINAL], "completions: zsh completes at a terminal", async (t) => {
  const { dir, script } = await prepare("zsh");
  using _ = dir;
  // A folder of its own for what compinit stores.
  const shell = `ZDOTDIR=${dir.path} TERM=dumb zsh -f -i`;
  const start = `autoload -U compinit; compinit -D -u; source ${script}; echo DO""NE\\r`;
  await t.step("words and files", () => typeAt(shell, dir, [["READY> ", start], ...STEPS]));
  await t.step("the list of commands, and of the words of an option", () => {
    typeAt(shell, dir, [
      ["READY> ", start],
      ["DONE", "virtdisk c\\t"],
      ["create       -- make an empty image", "\\x15virtdisk info --type \\t"],
      ["vhdx", ""],
    ]);
  });
});

/** No package of Debian has it. */
const POWERSHELL = circumstance(tool("pwsh"));

testWith([POWERSHELL], "completions: PowerShell completes what the declarations say", async () => {
  const { dir, script } = await prepare("powershell");
  using _ = dir;
  const cases = [...CASES, {
    line: "info --type=vh",
    words: ["--type=vhd", "--type=vhdx"],
  }, { line: "INF", words: ["info"] }];
  const lines = cases.map(({ line }) =>
    `(TabExpansion2 -inputScript 'virtdisk ${line}' -cursorColumn ${9 + line.length})` +
    `.CompletionMatches.CompletionText -join ' '`
  );
  const all = [`. ([scriptblock]::Create((Get-Content -Raw '${script}')))`, ...lines];
  const found = run("pwsh", "-NoProfile", "-Command", all.join("\n")).split("\n");
  for (const [index, { line, words }] of cases.entries()) {
    assertEquals(found[index]!.trim().split(" "), [...words], line);
  }
});

/** What is documented of `Register-ArgumentCompleter -Native`: the block gets these three, by their place. */
const CONTRACT =
  /^Register-ArgumentCompleter -Native -CommandName virtdisk -ScriptBlock \{\n {2}param\(\$word, \$ast, \$position\)\n[^]*\[System\.Management\.Automation\.CompletionResult\]::new\(\$_\.Key, \$_\.Key, 'ParameterValue', \$_\.Value\)\n {2}\}\n\}\n$/m;
const CLOSING: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

Deno.test("completions: the script for PowerShell keeps to the contract, and is closed", async () => {
  const { dir, script } = await prepare("powershell");
  using _ = dir;
  const text = Deno.readTextFileSync(script);
  assertMatch(text, CONTRACT);
  // In single quotes nothing but a quote ends them, and two are one.
  const code = text.replaceAll(/^#.*$/gm, "").replaceAll(/'(?:[^'\n]|'')*'/g, "");
  assert(!/['\u2018-\u201b]/.test(code), code);
  const open: string[] = [];
  for (const [character] of code.matchAll(/[()[\]{}]/g)) {
    if (CLOSING[character] === undefined) open.push(character);
    else assertEquals(open.pop(), CLOSING[character]);
  }
  assertEquals(open, []);
});

Deno.test("completions: the script for PowerShell names every command, option and word", async () => {
  const { dir, script } = await prepare("powershell");
  using _ = dir;
  const text = Deno.readTextFileSync(script);
  for (const name of FIRST_WORDS) assert(text.includes(`'${name}' = '`), name);
  for (const { words } of CASES) for (const word of words) assert(text.includes(`'${word}'`), word);
});
