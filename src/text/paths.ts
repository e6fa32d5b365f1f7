/**
 * Parts of paths, and ways between them, as `node:path` has them, against which tests hold these. Loading that takes
 * a third of the time in which an empty script starts, and whoever opens an image would wait for it.
 *
 * @module
 */
const IS_WINDOWS = Deno.build.os === "windows";

/** What is alike in all functions: the notation, by default that of this system. */
interface Notation {
  readonly separator: RegExp;
  readonly joint: string;
  /** Where a path begins: `/`; `C:\`, `C:`, `\`, `\\server\share\`. */
  readonly root: RegExp;
}

const POSIX: Notation = { separator: /\/+/, joint: "/", root: /^\/*/ };
const WINDOWS: Notation = {
  separator: /[\\/]+/,
  joint: "\\",
  root: /^(?:[\\/]{2}[^\\/]+[\\/]+[^\\/]+(?:[\\/]+|$)|[a-z]:[\\/]*|[\\/]*)/i,
};
/** The root of a whole Windows path: all others go on from a folder that the process is in. */
const WHOLE_ROOT = /^(?:[a-z]:[\\/]|[\\/]{2}[^\\/])/i;

function notationOf(isWindows: boolean): Notation {
  return isWindows ? WINDOWS : POSIX;
}

function split(path: string, { root, separator }: Notation): { root: string; parts: string[] } {
  const [start] = root.exec(path)!;
  const parts = path.slice(start.length).split(separator);
  if (parts.at(-1) === "") parts.pop();
  return { root: start, parts };
}

/** The folder of a path: `.` for a name alone. */
export function dirname(path: string, isWindows = IS_WINDOWS): string {
  const notation = notationOf(isWindows);
  const { root, parts } = split(path, notation);
  if (parts.length < 2) return root === "" ? "." : root;
  return path.slice(0, path.lastIndexOf(parts.at(-1)!) - 1);
}

/**
 * The last part of a path.
 *
 * @param suffix Left out if the part ends with it, and is more.
 */
export function basename(path: string, suffix = "", isWindows = IS_WINDOWS): string {
  const last = split(path, notationOf(isWindows)).parts.at(-1) ?? "";
  const isMore = suffix !== "" && last.length > suffix.length && last.endsWith(suffix);
  return isMore ? last.slice(0, -suffix.length) : last;
}

/** The extension of a path with its dot, as it is written; empty if it has none, as `.profile`. */
export function extname(path: string, isWindows = IS_WINDOWS): string {
  const name = basename(path, "", isWindows);
  const dot = name.lastIndexOf(".");
  return dot > 0 && name !== ".." ? name.slice(dot) : "";
}

/** The path of what is called so in a folder, without detours. */
export function join(folder: string, name: string, isWindows = IS_WINDOWS): string {
  return withoutDetours(`${folder}/${name}`, notationOf(isWindows));
}

/**
 * The absolute form of a path. A relative one starts at the folder that this process is in.
 *
 * @throws {Deno.errors.NotCapable} Without the permission to know that folder, if it is needed.
 */
export function resolve(path: string, isWindows = IS_WINDOWS, current = () => Deno.cwd()): string {
  const notation = notationOf(isWindows);
  const root = notation.root.exec(path)![0];
  if (isWindows ? WHOLE_ROOT.test(root) : root !== "") return withoutDetours(path, notation);
  const folder = current();
  if (root === "") return join(folder, path, isWindows);
  const { root: whole } = split(folder, notation);
  const rest = path.slice(root.length);
  // `C:name` goes on from the folder of that drive, `\name` from the root of this one.
  if (!root.includes(":")) return join(whole, rest, isWindows);
  const isHere = whole.slice(0, 2).toLowerCase() === root.toLowerCase();
  return join(isHere ? folder : `${root}\\`, rest, isWindows);
}

/**
 * The way from a folder to a file, both absolute and without detours.
 *
 * @returns `undefined` if there is none: they are on different drives.
 */
export function wayFrom(
  folder: string,
  target: string,
  isWindows = IS_WINDOWS,
): string | undefined {
  const notation = notationOf(isWindows);
  const [from, to] = [split(folder, notation), split(target, notation)];
  const key = (text: string) => isWindows ? text.toLowerCase() : text;
  if (key(rootOf(from.root, notation)) !== key(rootOf(to.root, notation))) return undefined;
  const differs = from.parts.findIndex((part, i) => key(part) !== key(to.parts[i] ?? ""));
  const common = differs === -1 ? from.parts.length : differs;
  const up = from.parts.slice(common).map(() => "..");
  return [...up, ...to.parts.slice(common)].join(notation.joint);
}

function withoutDetours(path: string, notation: Notation): string {
  const { root, parts } = split(path, notation);
  const kept: string[] = [];
  for (const part of parts) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (root === "") kept.push(part);
  }
  return rootOf(root, notation) + kept.join(notation.joint) || ".";
}

/** A root as it is usually written. */
function rootOf(root: string, { separator, joint }: Notation): string {
  const isShare = /^[\\/]{2}[^\\/]/.test(root) && joint === "\\";
  const plain = root.split(separator).join(joint);
  return isShare ? `\\${plain.replace(/\\?$/, "\\")}` : plain;
}

/**
 * The path that a `file:` URL stands for.
 *
 * @throws {TypeError} If the URL names another computer, which only Windows reaches, or an escape is none.
 */
export function pathOfUrl(url: URL, isWindows = IS_WINDOWS): string {
  const { hostname, pathname } = url;
  if (/%2f/i.test(pathname) || isWindows && /%5c/i.test(pathname)) {
    throw new TypeError("a part of the path of a file: URL must not hold a separator");
  }
  if (!isWindows) {
    if (hostname !== "") throw new TypeError(`a file: URL must not name a host: ${hostname}`);
    return decodeURIComponent(pathname);
  }
  const path = decodeURIComponent(pathname.replaceAll("/", "\\"));
  if (hostname !== "") return `\\\\${hostname}${path}`;
  if (/^\\[a-z]:/i.test(path)) return path.slice(1);
  throw new TypeError("the path of a file: URL must begin with a drive");
}
