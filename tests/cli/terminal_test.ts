/**
 * Every command on a pseudo-terminal, as a person runs it: what is piped shows neither colours nor the
 * questions that Deno asks on a terminal when a permission is missing.
 */
import { assert, assertEquals } from "@std/assert";
import { createImage } from "../create_image.ts";
import { ROOT, TempDir, testWith, tool } from "../support.ts";

const MIB = 2 ** 20;
/** Both are of util-linux and coreutils. */
const NEEDS = [tool("script"), tool("stty")];
const MAIN = `${ROOT}/src/cli/main.ts`;
const METADATA_ID = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";

/** Each command, what it needs, and what it ends with. Earlier ones make what later ones take. */
const COMMANDS: readonly (readonly [line: string, code: number])[] = [
  ["create --size 64MiB disk.vhdx", 0],
  ["create --parent disk.vhdx child.vhdx", 0],
  ["info disk.vhdx child.vhdx", 0],
  ["info --json disk.vhdx", 0],
  ["info none.vhdx", 1],
  ["diagnose disk.vhdx", 0],
  ["diagnose none.vhdx", 1],
  ["convert --subtype fixed disk.vhdx copy.vhd", 0],
  ["write --offset 1MiB child.vhdx <bytes", 0],
  ["read --length 4 disk.vhdx >bytes", 0],
  ["changes child.vhdx", 1],
  ["compare disk.vhdx copy.vhd", 0],
  ["compare disk.vhdx child.vhdx", 1],
  ["map child.vhdx", 0],
  ["rebase child.vhdx disk.vhdx", 0],
  ["merge --remove-child child.vhdx", 0],
  ["expand disk.vhdx 65MiB", 0],
  ["resize disk.vhdx 66MiB", 0],
  ["compact disk.vhdx", 0],
  [`metadata --set ${METADATA_ID} disk.vhdx <bytes`, 0],
  ["metadata disk.vhdx", 0],
  ["check disk.vhdx", 0],
  ["check damaged.vhdx", 1],
  ["check --repair damaged.vhdx", 0],
];

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

/** As README has it. */
const GRANTS = "--allow-read=. --allow-write=.";

/** Runs a line of the shell on a terminal, in a folder; gives its exit status and all that was drawn. */
async function onTerminal(
  dir: TempDir,
  line: string,
  { columns, noColor = false }: Terminal,
): Promise<{ code: number; text: string }> {
  const { DENO_DIR, HOME, PATH } = Deno.env.toObject();
  const child = new Deno.Command("script", {
    args: ["-qec", `stty cols ${columns} && ${line}`, "/dev/null"],
    cwd: dir.path,
    clearEnv: true,
    env: {
      ...Object.fromEntries(
        Object.entries({ DENO_DIR, HOME, PATH }).filter(([, value]) => value !== undefined),
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

/** Images that the commands find in their folder. */
async function makeFiles(dir: TempDir): Promise<void> {
  Deno.writeTextFileSync(dir.file("bytes"), "boot");
  (await createImage(dir.file("damaged.vhdx"), { size: 8 * MIB })).close();
  // One of two headers: `check` finds it, and can repair it.
  using file = Deno.openSync(dir.file("damaged.vhdx"), { write: true });
  file.seekSync(64 * 1024 + 100, Deno.SeekMode.Start);
  file.writeSync(new Uint8Array([1]));
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

for (const terminal of TERMINALS) {
  testWith(NEEDS, `every command runs on a terminal, ${terminal.name}`, async (t) => {
    using dir = new TempDir();
    await makeFiles(dir);
    const deno = `${Deno.execPath()} run ${terminal.mayAsk ? "" : "--no-prompt "}${GRANTS}`;
    let all = "";
    for (const [line, expected] of COMMANDS) {
      await t.step(line, async () => {
        const { code, text } = await onTerminal(dir, `${deno} ${MAIN} ${line}`, terminal);
        assertEquals(code, expected, text);
        assertDrawn(text, terminal);
        all += text;
      });
    }
    assertEquals(all.includes("\x1b[1m"), terminal.noColor !== true);
  });
}

testWith(NEEDS, "the demo asks for nothing on a terminal", async () => {
  using dir = new TempDir();
  const terminal = { name: "that could ask", columns: 80, mayAsk: true };
  const task = `${Deno.execPath()} task --cwd ${ROOT} -q demo`;
  const { code, text } = await onTerminal(dir, task, terminal);
  assertEquals(code, 0, text);
  assertDrawn(text, terminal);
});
