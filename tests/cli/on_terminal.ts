/** Runs lines of a shell on a pseudo-terminal, with the permissions that the commands declare. */
import { assert } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { type Declaration, declarations, permissionsFor } from "../../src/cli/declaration.ts";
import { flagsOf } from "../../src/cli/program.ts";
import { runnable } from "../bundles.ts";
import { type TempDir, tool } from "../support.ts";

/** Both are of util-linux and coreutils. */
export const NEEDS = [tool("script"), tool("stty")];

/** The declarations of the commands that there are on this system. */
export const DECLARATIONS: ReadonlyMap<string, Declaration> = new Map(
  (await declarations(COMMANDS)).filter(([name]) => COMMANDS.get(name)!.system === undefined).map((
    [name, , declaration],
  ) => [name, declaration]),
);

/** How a terminal is, and whether Deno may ask for permissions there. */
export interface Terminal {
  readonly name: string;
  readonly columns: number;
  readonly noColor?: boolean;
  readonly mayAsk?: boolean;
}

/** What a progress bar draws with, colours or none. */
export const ERASE_REST = "\x1b[K";
export const ERASE_LINE = "\x1b[2K";

/** The permissions that a command line needs by its declaration, for files of this folder. */
export function grantsOf(line: string): string[] {
  const [name = "", ...args] = line.split(" ");
  return flagsOf(permissionsFor(DECLARATIONS.get(name)!, args), ".").sort();
}

/** Runs a line of the shell on a terminal, in a folder; gives its exit status and all that was drawn. */
export async function onTerminal(
  dir: TempDir,
  line: string,
  { columns, noColor = false }: Terminal,
): Promise<{ code: number; text: string }> {
  const { DENO_DIR, HOME, JSR_URL, PATH } = Deno.env.toObject();
  const isServer = / serve (?!--help)/.test(line);
  // A question would wait for ever.
  const limit = AbortSignal.timeout(120_000);
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
    signal: limit,
  });
  const { code, stdout } = await child.output();
  const text = new TextDecoder().decode(stdout);
  // The exit status does not tell: script(1) ends with 0 when it is ended itself.
  assert(!limit.aborted, `${line} goes on for ever: ${text}`);
  return { code, text };
}

/** What the terminal has drawn, by which a server is seen to serve. */
const SCREEN = "screen";

/** Ends a command that goes on until it is interrupted, once it says how. */
function untilServing(line: string): string {
  // script(1) begins the file with this command itself, which the pattern must not find.
  const serves = `until grep -qs 'Press Ctrl-[C]' ${SCREEN} || ! kill -0 $!; do sleep 0.1; done`;
  return `{ ${line} & } && ${serves}; kill -INT $!; wait $!`;
}

/** What a terminal shows is as wide as the terminal where it is drawn over, and coloured where it may be. */
export function assertDrawn(text: string, { columns, noColor = false }: Terminal): void {
  assert(!/Deno requests|Requires [a-z-]+ access|NotCapable/.test(text), text);
  for (const drawn of text.split(ERASE_REST).slice(0, -1)) {
    const bar = drawn.slice(drawn.lastIndexOf("\r") + 1);
    assert(bar.length < columns, JSON.stringify(bar));
  }
  const rest = text.replaceAll(ERASE_REST, "").replaceAll(ERASE_LINE, "");
  assert(!noColor || !rest.includes("\x1b"), text);
}

/** How `deno` begins. */
export function denoRun(mayAsk: boolean, grants: readonly string[]): string {
  const main = runnable("src/cli/main.ts");
  return [Deno.execPath(), "run", ...(mayAsk ? [] : ["--no-prompt"]), ...grants, main].join(" ");
}
