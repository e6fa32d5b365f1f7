/**
 * The command line: `virtdisk info`, `create`, `convert`, `check` and others, which `virtdisk help` lists;
 * `virtdisk COMMAND --help` says what each takes, and the permissions that it needs.
 *
 * Needs `--allow-read` for the files, and `--allow-write` for those that are written and their folders. On
 * Windows `info` and `diagnose` use the native backend, if `--allow-ffi` for `virtdisk.dll` and `kernel32.dll`
 * allows it. But for `attach`, `detach` and `attached` the other commands are the same on every system.
 *
 * @example Inspect an image, from a shell
 * ```sh
 * deno run --allow-read=. jsr:@virtdisk/virtdisk/cli info --json base.vhdx
 * ```
 *
 * @example Make a fixed VHD for Azure of a VHDX
 * ```sh
 * deno run --allow-read=. --allow-write=. jsr:@virtdisk/virtdisk/cli \
 *   convert --subtype fixed --alignment 1MiB disk.vhdx disk.vhd
 * ```
 *
 * @module
 */
import config from "../../deno.json" with { type: "json" };
import { didYouMean } from "../text/nearest_word.ts";
import { quoted } from "../text/quoted.ts";
import { COMMANDS } from "./commands.ts";
import { FAILED_STATUS, UsageError } from "./failure.ts";
import { overview } from "./overview.ts";
import { printLine } from "./streams.ts";

const HELP = ["--help", "-h"];
/** So much of a word that is no command is repeated. */
const SHOWN = 60;
const IMAGE = /\.(?:a?vhdx?|iso|img|raw)$/i;

/**
 * Runs a command line.
 *
 * @param args The arguments after the program's name: a command, its options and files.
 * @returns The exit status: 0; 1 for a finding or a difference; 2 if the command failed or the command
 * line is wrong; 130 after Ctrl-C, 143 after SIGTERM, 129 after the terminal was closed.
 */
export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  const entry = COMMANDS.get(name ?? "");
  try {
    if (name === undefined || entry === undefined) return await withoutCommand(name, rest);
    const options = beforeOperands(rest);
    if (HELP.some((option) => options.includes(option))) return await help(name);
    const { default: command } = await entry.load();
    return await command.run(name, rest, COMMANDS);
  } catch (error) {
    const { Report } = await import("./report.ts");
    return new Report(null, { json: beforeOperands(rest).includes("--json") }).end(error);
  }
}

/** What follows `--` is a file, whatever it looks like. */
function beforeOperands(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end === -1 ? args : args.slice(0, end);
}

async function withoutCommand(
  name: string | undefined,
  [topic]: readonly string[],
): Promise<number> {
  if (name === undefined) {
    console.error(overview(COMMANDS));
    return FAILED_STATUS;
  }
  if (name === "--version") {
    const { os, arch } = Deno.build;
    printLine(`virtdisk ${config.version} (Deno ${Deno.version.deno}, ${os} ${arch})`);
    return 0;
  }
  if (name !== "help" && !HELP.includes(name)) throw new UsageError(faultOf(name));
  return await help(topic);
}

/** @param name The command whose help is wanted; the overview without one. */
async function help(name: string | undefined): Promise<number> {
  if (name === undefined || HELP.includes(name)) {
    printLine(overview(COMMANDS));
    return 0;
  }
  const entry = COMMANDS.get(name);
  if (entry === undefined) throw new UsageError(faultOf(name));
  const { default: command } = await entry.load();
  printLine(command.help(name));
  return 0;
}

/** What is wrong with a word that stands where a command should. */
function faultOf(name: string): string {
  const shown = quoted(name, SHOWN);
  const names = [...COMMANDS.keys(), "help", "--help", "--version"];
  const nearest = didYouMean(name, names);
  if (name.startsWith("-") && nearest === "") return `a command must come before ${shown}`;
  return `there is no command ${shown}` +
    (IMAGE.test(name) ? `; did you mean info ${name.slice(-SHOWN)}?` : nearest);
}

// After a signal a write or a read may go on that nobody answers: what is done does not wait for it.
if (import.meta.main) Deno.exit(await main(Deno.args));
