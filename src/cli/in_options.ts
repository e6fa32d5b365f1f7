/**
 * Errors and advice of the API in the words of the command line: options are flags here, and functions are
 * commands.
 *
 * @module
 */

/** What the command line has for whole phrases of the API. The longer of two that begin alike comes first. */
const PHRASES: readonly (readonly [phrase: string, words: string])[] = [
  [
    "An attachment that is not { permanent: true } ends when its disk is closed.",
    "One that `virtdisk attach` has made without --permanent ends with that command.",
  ],
  ["pass { path, ignoreMismatch: true }", "pass --ignore-mismatch"],
  // Of all commands only that one goes on, and what it stores all others take.
  ["{ ignoreMismatch: true }", "`virtdisk rebase --ignore-mismatch CHILD PARENT`"],
  [
    'set the real parent of that image, with the flag "no-parents" and setInformation("parentPath", ...)',
    "set the real parent of that image: `virtdisk rebase IMAGE PARENT`",
  ],
  ['setInformation("parentPath", ...)', "`virtdisk rebase CHILD PARENT`"],
  ['open with the flag "no-parents"', "use `virtdisk info --no-parents`"],
  [
    'The disk was opened with the flag "no-parents": extents() says which ranges its parent holds.',
    "Leave --no-parents out.",
  ],
  ['openVirtualDisk(path, { damage: "tolerate" })', "`virtdisk salvage BROKEN NEW`"],
  [
    "Say what it is: pass `parents`, the nearest first.",
    "Save the image beside its parent, and name that file.",
  ],
  [
    "hand over a stream: `convertVirtualDisk((await fetch(url)).body, target)`",
    "let it come in by a pipe: `curl -L URL | virtdisk convert --size SIZE - TARGET`",
  ],
  ['{ firstType: "raw" }', "--type-a raw"],
  ['{ secondType: "raw" }', "--type-b raw"],
  ["pass the `type` option", "pass --type, if the command has it"],
  ["resize()", "`virtdisk resize`"],
  ["merge({ into })", "`virtdisk merge --into NEWFILE CHILD`"],
  ["Leave `readOnly` out; to change", "To change"],
  ["open it with { getInfoOnly: true }", "look at it with `virtdisk info`"],
  ["Open it for writing once, which replays the log", "`virtdisk check --repair` replays the log"],
  [
    "checkVirtualDisk(path, { repair: true, discardDamagedLog: true })",
    "`virtdisk check --repair --discard-damaged-log FILE`",
  ],
  ["`checkVirtualDisk(path, { repair: true })`", "`virtdisk check --repair`"],
  ["checkVirtualDisk()", "`virtdisk check`"],
  ["compareVirtualDisks()", "`virtdisk compare`"],
  ["createVirtualDisk(path, { parent })", "`virtdisk create --parent PARENT NEWFILE`"],
  ["diagnose()", "`virtdisk diagnose`"],
  [
    "Say that it is a raw disk, as nothing",
    "Say that it is a raw disk (`--source-type raw` or `--type raw`), as nothing",
  ],
];

const RAW = 'pass { type: "raw" }';

/** How the commands that take a raw disk are told that a file is one; for the others it has to be converted. */
const RAW_FLAGS: Readonly<Record<string, string>> = {
  info: "pass --type raw",
  map: "pass --type raw",
  resize: "pass --type raw",
  expand: "pass --type raw",
  convert: "pass --source-type raw",
};
const CONVERT_RAW = "convert it first: `virtdisk convert --source-type raw FILE NEWFILE`";

/** Options of the API that are flags of the same name here, with dashes. */
const FLAGS: readonly string[] = [
  "allowUnsafe",
  "backend",
  "blockSize",
  "force",
  "identifier",
  "ignoreChildren",
  "overwrite",
  "parent",
  "physicalSectorSize",
  "preallocate",
  "removeChild",
  "sectorSize",
  "size",
  "sourceType",
  "subtype",
  "type",
];

/** An option in advice: `{ overwrite: true }`, `{ type: "raw" }`, and between backticks its name alone. */
const OPTION = /\{ ([a-z]\w*): (?:true|"([^"]+)") \}|`([a-z]\w*)`/gi;
/** What can be typed into a script alone: objects, calls, and flags and words of the API. */
const FOR_SCRIPTS = /\{ [a-z]\w*\b|\b[a-z]\w*\([^)]*\)|\bflags? "|`[a-z]+[A-Z]\w*`|`using`/;
/** How several pieces of advice are one text. */
const OR = " Or: ";

/** The same advice, for someone at a shell. Pieces that only a script can follow are left out. */
export function inOptions(advice: string): string {
  return forShell(advice.split(OR)).join(OR);
}

/** A finding with its remedy for someone at a shell; without one if only a script can follow it. */
export function findingForShell<T extends { remedy?: string }>(finding: T): T {
  const { remedy = "", ...others } = finding;
  const advice = inOptions(remedy);
  return (advice === "" ? others : { ...finding, remedy: advice }) as T;
}

/**
 * The causes of an error, for someone at a shell. Those that only a script can follow are left out.
 *
 * @param command The one that was typed; `null` if none was.
 */
export function forShell(causes: readonly string[], command: string | null = null): string[] {
  const raw = RAW_FLAGS[command ?? ""] ?? CONVERT_RAW;
  return causes.map((cause) => translated(cause.replace(RAW, raw), command))
    .filter((cause) => !FOR_SCRIPTS.test(cause));
}

/** What is wrong, with flags for the options of the API that have names of their own. */
export function withFlags(reason: string): string {
  return reason.replace(/^size(?= is missing)/, flag).replaceAll(
    /\b[a-z]+[A-Z]\w*\b/g,
    (word) => FLAGS.includes(word) ? flag(word) : word,
  );
}

/** What is said of a damaged disk in place of its file. */
const ASSUMED = /\{ damage: "tolerate", assume: \{ ((?:\w+: \.\.\.(?:, )?)+) \} \}/g;

/** The commands that take it themselves; of others, one that saves what is left does. */
const ASSUMING: readonly (string | null)[] = ["map", "read"];

function translated(advice: string, command: string | null): string {
  const text = PHRASES.reduce((all, [phrase, words]) => all.replaceAll(phrase, words), advice)
    .replaceAll(ASSUMED, (_, names: string) => {
      const flags = names.split(", ").map((each) => `${flag(each.split(":")[0]!)} SIZE`);
      return ASSUMING.includes(command)
        ? `\`virtdisk ${command} --salvage ${flags.join(" ")} BROKEN\``
        : `\`virtdisk salvage ${flags.join(" ")} BROKEN NEW\``;
    });
  return text.replaceAll(OPTION, (all, entry?: string, value?: string, name?: string) => {
    const option = entry ?? name;
    if (option === undefined || !FLAGS.includes(option)) return all;
    return value === undefined ? flag(option) : `${flag(option)} ${value}`;
  });
}

function flag(option: string): string {
  return `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
