/**
 * How this program is called, and what Deno allows it.
 *
 * @module
 */
import { pathOfUrl } from "../text/paths.ts";
import { shellWord } from "../text/shell.ts";
import { type Commands, type Permission, permissionsFor } from "./declaration.ts";

const NAME = "virtdisk";
/** In the package as it is published all code is beside the program; a bundle is one file, which is the program. */
const IN_FILES = /\/(?:program\.ts|code\.js)$/.test(import.meta.url);
const MAIN = new URL(IN_FILES ? "./main.ts" : "", import.meta.url);
/** Where nearly every Windows has them; elsewhere `--backend native` asks for them. */
const LIBRARIES = ["virtdisk.dll", "kernel32.dll"].map((name) => `C:\\Windows\\System32\\${name}`);
/** A word that begins with a root or a drive, quoted or not, or a step up: files outside this folder. */
const OUTSIDE = /(?:^|[\s'"])(?:[/\\]|[A-Za-z]:[\\/]|~)|\.\.[/\\]/;

/**
 * The flag of Deno's that gives a permission.
 *
 * @param scope For files: a folder; all there are without one.
 */
export function flagOf(
  { kind, anywhere, forUrls, hosts = ["HOST"] }: Permission,
  scope?: string,
): string {
  if (kind === "ffi") return `--allow-ffi=${LIBRARIES}`;
  if (forUrls) return `--allow-net=${hosts}`;
  if (kind === "net") return "--allow-net";
  if (kind === "sys") return "--allow-sys=umask";
  return `--allow-${kind}${scope === undefined || anywhere ? "" : `=${scope}`}`;
}

/** The flags that give permissions; one that is given everywhere needs no folder beside it. */
export function flagsOf(permissions: readonly Permission[], scope?: string): string[] {
  const flags = new Set(permissions.map((each) => flagOf(each, scope)));
  return [...flags].filter((flag) => !flag.includes("=") || !flags.has(flag.split("=")[0]!));
}

/** What allows to ask Windows. */
export const WINDOWS_FLAG = flagOf({ kind: "ffi", scope: "" });

/**
 * How a shell runs this program with these permissions: what Deno is told, and the program. A program that was
 * compiled has its permissions; otherwise `virtdisk` may be an alias, which not everybody has.
 */
export function programWith(permissions: readonly Permission[], scope?: string): string[] {
  if (Deno.build.standalone) return [NAME];
  const module = MAIN.protocol === "file:" ? pathOfUrl(MAIN) : MAIN.href;
  return [["deno run", ...flagsOf(permissions, scope)].join(" "), shellWord(module)];
}

/**
 * A command of a finding as it is typed where this program was started. Its permissions are for this folder,
 * unless it names files elsewhere.
 */
export async function typedCommand(line: string, commands: Commands): Promise<string> {
  if (!line.startsWith(`${NAME} `)) return line;
  const rest = line.slice(NAME.length);
  const [name = "", ...args] = rest.trim().split(" ");
  const { declaration } = (await commands.get(name)?.load())?.default ?? {};
  if (declaration === undefined) return line;
  const scope = OUTSIDE.test(rest) ? undefined : ".";
  return programWith(permissionsFor(declaration, args), scope).join(" ") + rest;
}

/** The native backend on Windows, if its libraries may be loaded; else the portable one, and nobody is asked. */
export function defaultBackend(): "native" | "portable" {
  const isAllowed = Deno.build.os === "windows" &&
    LIBRARIES.every((path) =>
      Deno.permissions.querySync({ name: "ffi", path }).state === "granted"
    );
  return isAllowed ? "native" : "portable";
}
