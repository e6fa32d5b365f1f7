/**
 * Advice of the API in the words of the command line.
 *
 * @module
 */

/** What the command line has for an option of the API, by its name. */
const OPTIONS: Readonly<Record<string, string>> = {
  allowUnsafe: "--allow-unsafe",
  force: "--force",
  ignoreChildren: "--ignore-children",
  // Of all commands only that one goes on, and what it stores all others take.
  ignoreMismatch: "`virtdisk rebase --ignore-mismatch`",
  overwrite: "--overwrite",
  preallocate: "--preallocate",
  sourceType: "--source-type",
  type: "--type",
};

/** What the command line has for other phrases of the API. */
const PHRASES: readonly (readonly [phrase: string, words: string])[] = [
  ["pass { path, ignoreMismatch: true } (portable backend)", "pass --ignore-mismatch"],
  ['setInformation("parentPath", ...)', "`virtdisk rebase CHILD PARENT`"],
  ['open with the flag "no-parents"', "use `virtdisk info --no-parents`"],
  ["pass the `type` option", "pass --type, where the command has it"],
  ['Pass { subtype: "fixed" }', "Pass --subtype fixed"],
  ['{ sourceType: "raw" }', "--source-type raw"],
  ["merge({ into })", "`virtdisk merge --into NEWFILE CHILD`"],
  ["Leave `readOnly` out.", "Convert it to a VHD or VHDX, which can be changed."],
  ["open it with { getInfoOnly: true }", "look at it with `virtdisk info`"],
  ["Open it for writing once, which replays the log", "`virtdisk check --repair` replays the log"],
  ["`checkVirtualDisk(path, { repair: true })`", "`virtdisk check --repair`"],
  [
    "Say that it is a raw disk, as nothing",
    "Say that it is a raw disk (`--source-type raw` or `--type raw`), as nothing",
  ],
  ['{ backend: "portable" }', "--backend portable"],
  [
    "checkVirtualDisk(path, { repair: true, discardDamagedLog: true })",
    "`virtdisk check --repair --discard-damaged-log FILE`",
  ],
];

/** The same advice, for someone at a shell: errors name options as the API has them. */
export function inOptions(advice: string): string {
  const text = PHRASES.reduce((all, [phrase, words]) => all.replaceAll(phrase, words), advice);
  return text.replaceAll(
    /`([a-zA-Z]+)`|\{ ([a-zA-Z]+): true \}/g,
    (all, word?: string, entry?: string) => OPTIONS[word ?? entry ?? ""] ?? all,
  );
}
