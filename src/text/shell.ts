/**
 * Commands to type into the shell of this system: a POSIX shell, or PowerShell on Windows. What needs no
 * quoting there, or only double quotes, can be typed into cmd.exe too.
 *
 * @module
 */

/** The systems that differ in how they quote. */
type System = typeof Deno.build.os;

/** Characters that no shell takes for anything else. */
const PLAIN_POSIX = /^[\w@%+=:,./-]+$/;
const PLAIN_WINDOWS = /^[\w+=:./\\-]+$/;
/** Within double quotes PowerShell or cmd.exe would see more than text in these. */
const SPECIAL_WINDOWS = /["$`%!^\u201c-\u201f]/;
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\x00-\x1f\x7f-\x9f]/;

/** A word of a command: quoted if a shell would take it for something else. */
export function shellWord(word: string, os: System = Deno.build.os): string {
  if (os === "windows") return windowsWord(word);
  if (PLAIN_POSIX.test(word)) return word;
  // What a terminal would obey must not come out of a name.
  if (CONTROL.test(word)) return `"$(printf '${[...word].map(escapedCharacter).join("")}')"`;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A file as a word: one that begins with a dash would be taken for an option. */
export function shellFile(path: string, os: System = Deno.build.os): string {
  const separator = os === "windows" ? "\\" : "/";
  return shellWord(path.startsWith("-") ? `.${separator}${path}` : path, os);
}

function windowsWord(word: string): string {
  if (PLAIN_WINDOWS.test(word)) return word;
  if (!SPECIAL_WINDOWS.test(word)) return `"${word}"`;
  return `'${word.replaceAll(/['\u2018-\u201b]/g, "$&$&")}'`;
}

/** As a format of printf, within single quotes. */
function escapedCharacter(character: string): string {
  if (character === "%") return "%%";
  if (character !== "'" && character !== "\\" && !CONTROL.test(character)) return character;
  return [...new TextEncoder().encode(character)]
    .map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

/** Their default backend on Windows needs permission to load libraries; what they tell does not. */
const NATIVE_BY_DEFAULT: readonly string[] = ["info", "diagnose"];

/** A command of the command line of this module. */
export function virtdiskCommand(
  command: string,
  options: readonly string[],
  files: readonly string[],
  os: System = Deno.build.os,
): string {
  const backend = os === "windows" && NATIVE_BY_DEFAULT.includes(command)
    ? ["--backend", "portable"]
    : [];
  const words = files.map((file) => shellFile(file, os));
  return ["virtdisk", command, ...backend, ...options, ...words].join(" ");
}
