/**
 * The command line: `virtdisk info`, `diagnose`, `create`, `convert`, `expand`, `resize`, `rebase`, `compact`,
 * `merge`, `check`, `compare`, `changes`, `map`, `read`, `write` and `metadata`; on Windows `attach`, `detach`
 * and `attached` too.
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
import { attach, ATTACH_USAGE } from "./attach.ts";
import { attached, ATTACHED_USAGE } from "./attached.ts";
import { changes, CHANGES_USAGE } from "./changes.ts";
import { check, CHECK_USAGE } from "./check.ts";
import { compact, COMPACT_USAGE } from "./compact.ts";
import { compare, COMPARE_USAGE } from "./compare.ts";
import { convert, CONVERT_USAGE } from "./convert.ts";
import { create, CREATE_USAGE } from "./create.ts";
import { detach, DETACH_USAGE } from "./detach.ts";
import { DIAGNOSE_USAGE, runDiagnose } from "./diagnose.ts";
import { expand, EXPAND_USAGE } from "./expand.ts";
import { FAILED_STATUS } from "./failure.ts";
import { info, INFO_USAGE } from "./info.ts";
import { map, MAP_USAGE } from "./map.ts";
import { merge, MERGE_USAGE } from "./merge.ts";
import { metadata, METADATA_USAGE } from "./metadata.ts";
import { read, READ_USAGE } from "./read.ts";
import { resize, RESIZE_USAGE } from "./resize.ts";
import { rebase, REBASE_USAGE } from "./rebase.ts";
import { Report } from "./report.ts";
import { OutputError, printLine } from "./standard_output.ts";
import config from "../../deno.json" with { type: "json" };
import { didYouMean } from "../text/nearest_word.ts";
import { quoted } from "../text/quoted.ts";
import { UsageError } from "./usage_error.ts";
import { write, WRITE_USAGE } from "./write.ts";

interface Command {
  run(args: string[]): Promise<number>;
  /** A line for the list of commands. */
  readonly purpose: string;
  readonly usage: string;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ["info", { run: info, purpose: "print what images are", usage: INFO_USAGE }],
  ["diagnose", {
    run: runDiagnose,
    purpose: "say why images do not open or attach",
    usage: DIAGNOSE_USAGE,
  }],
  ["create", { run: create, purpose: "make an empty image", usage: CREATE_USAGE }],
  ["convert", { run: convert, purpose: "copy an image as another kind", usage: CONVERT_USAGE }],
  ["read", { run: read, purpose: "print a disk's bytes", usage: READ_USAGE }],
  ["write", { run: write, purpose: "write bytes into a disk", usage: WRITE_USAGE }],
  ["expand", { run: expand, purpose: "make a disk larger", usage: EXPAND_USAGE }],
  ["resize", { run: resize, purpose: "give a disk another size", usage: RESIZE_USAGE }],
  ["rebase", {
    run: rebase,
    purpose: "say where the parent of a child is",
    usage: REBASE_USAGE,
  }],
  ["compact", { run: compact, purpose: "shorten the file of a disk", usage: COMPACT_USAGE }],
  ["merge", { run: merge, purpose: "write a child into its parent", usage: MERGE_USAGE }],
  ["check", {
    run: check,
    purpose: "say whether images are sound, repair them",
    usage: CHECK_USAGE,
  }],
  ["compare", { run: compare, purpose: "say where two disks differ", usage: COMPARE_USAGE }],
  ["changes", { run: changes, purpose: "say what a child changes", usage: CHANGES_USAGE }],
  ["map", { run: map, purpose: "say where a disk's bytes are", usage: MAP_USAGE }],
  ["metadata", { run: metadata, purpose: "user metadata of a VHDX", usage: METADATA_USAGE }],
  ["attach", { run: attach, purpose: "attach an image (Windows)", usage: ATTACH_USAGE }],
  ["detach", { run: detach, purpose: "detach a disk (Windows)", usage: DETACH_USAGE }],
  ["attached", {
    run: attached,
    purpose: "list the attached images (Windows)",
    usage: ATTACHED_USAGE,
  }],
]);

const USAGE = `Usage: virtdisk COMMAND [OPTION...] FILE...
       virtdisk COMMAND --help
       virtdisk --version

Commands:
${[...COMMANDS].map(([name, { purpose }]) => `  ${name.padEnd(10)}${purpose}`).join("\n")}

Sizes are bytes, or numbers with K, M, G or T: 4096, 64KiB, 1.5T. All units are powers of 1024, as in Windows
and qemu-img: 10G, 10GB and 10GiB are the same 10737418240 bytes.
With --json every command prints an object for each file, failures too: json_schema.json describes them.
Exit status: 0; 1 for a finding or a difference (check, compare, changes, diagnose); 2 if the command failed,
as with a file that is not there, or the command line is wrong; 130 after Ctrl-C, 143 after SIGTERM, 129
after the terminal was closed.`;

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
  const command = name === undefined ? undefined : COMMANDS.get(name);
  try {
    if (command === undefined) return withoutCommand(name, rest);
    if (rest.includes("--help") || rest.includes("-h")) {
      printLine(`Usage: ${command.usage}`);
      return 0;
    }
    return await command.run(rest);
  } catch (error) {
    tell(error, args, command === undefined ? undefined : name);
    return FAILED_STATUS;
  }
}

/** Tells what has ended a command, other than a failure that is about its file. */
function tell(error: unknown, args: readonly string[], name: string | undefined): void {
  const report = new Report(name ?? null, jsonOptions(args));
  if (error instanceof OutputError || error instanceof Deno.errors.BrokenPipe) {
    report.fail(null, error);
    return;
  }
  const isUsage = error instanceof UsageError;
  // A fault of this program. Thrown on, it would end with the status of a finding.
  if (!isUsage) console.error(error);
  if (report.json) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const causes = isUsage && error.advice !== undefined ? [error.advice] : [];
    report.failWith(null, { name, code: null, symbol: null, message, causes });
  } else if (isUsage) {
    const help = name === undefined ? "virtdisk --help" : `virtdisk ${name} --help`;
    console.error(`virtdisk: ${error.message}\n${error.advice ?? `See \`${help}\`.`}`);
  }
}

/** How a command line that may not be understood asks to be told of it. */
function jsonOptions([name, ...rest]: readonly string[]): { json: boolean; besideBytes: boolean } {
  const end = rest.indexOf("--");
  const options = end === -1 ? rest : rest.slice(0, end);
  const besideBytes = name === "read" || name === "convert" && rest.includes("-") ||
    name === "metadata" && options.some((option) => option.startsWith("--get"));
  return { json: options.includes("--json"), besideBytes };
}

function withoutCommand(name: string | undefined, [topic]: readonly string[]): number {
  if (name === undefined) {
    console.error(USAGE);
    return FAILED_STATUS;
  }
  if (name === "--version") {
    const { os, arch } = Deno.build;
    printLine(`virtdisk ${config.version} (Deno ${Deno.version.deno}, ${os} ${arch})`);
    return 0;
  }
  if (name !== "--help" && name !== "-h" && name !== "help") throw new UsageError(faultOf(name));
  const command = topic === undefined ? undefined : COMMANDS.get(topic);
  if (topic !== undefined && command === undefined) throw new UsageError(faultOf(topic));
  printLine(command === undefined ? USAGE : `Usage: ${command.usage}`);
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
