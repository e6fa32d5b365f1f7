/**
 * Whether a file has the name that Windows expects of what it holds.
 *
 * @module
 */
import { type Finding, finding } from "../../disk/finding.ts";
import { basename, dirname, extname, join } from "../../text/paths.ts";
import { shellFile, shellWord } from "../../text/shell.ts";
import { formatNamed, formatOfExtension, type MarkedFormat } from "../formats.ts";

/** A name without an extension that Windows knows, or with that of another format. */
export function nameFindings(path: string, format: MarkedFormat): Finding[] {
  const extension = extname(path);
  const promised = formatOfExtension(path);
  // The metadata file of a VHD Set is a VHDX.
  if (promised === format || extension.toLowerCase() === ".vhds") return [];
  // `.avhd` and `.avhdx` are what Hyper-V calls the images of its checkpoints.
  const isCheckpoint = /^\.avhdx?$/i.test(extension) && format !== "iso";
  const target = freshPath(path, isCheckpoint ? `.a${format}` : `.${format}`);
  const common = {
    symbol: formatNamed(format).unmarked,
    command: renameCommand(path, target),
  } as const;
  const kind = formatNamed(format).title;
  if (promised === undefined) {
    const name = extension === "" ? "has no extension" : `ends in ${extension}`;
    return [
      finding("info", "name", path, `the file is ${kind}, but its name ${name}`, {
        symbol: "ERROR_VIRTDISK_PROVIDER_NOT_FOUND",
        remedy: `Windows goes by the name: for it, rename the file to ${
          JSON.stringify(basename(target))
        }.`,
      }),
    ];
  }
  return [
    finding(
      "warning",
      "name",
      path,
      `the file is ${kind}, but its name ends in ${extension}: Windows goes by the name`,
      {
        ...common,
        remedy:
          `Rename it to ${
            JSON.stringify(basename(target))
          }; children that name it as their parent must be ` +
          "rebased then.",
      },
    ),
  ];
}

/** A path beside `path` with another extension that no file has yet, as far as can be seen. */
export function freshPath(path: string, extension: string): string {
  const stem = basename(path, extname(path));
  for (let number = 1;; number++) {
    const name = number === 1 ? `${stem}${extension}` : `${stem}-${number}${extension}`;
    const candidate = dirname(path) === "." && !path.startsWith(".")
      ? name
      : join(dirname(path), name);
    if (!isTaken(candidate)) return candidate;
  }
}

function isTaken(path: string): boolean {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return false;
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function renameCommand(path: string, target: string): string {
  return Deno.build.os === "windows"
    ? `Rename-Item -LiteralPath ${shellWord(path)} -NewName ${shellWord(basename(target))}`
    : `mv -n ${shellFile(path)} ${shellFile(target)}`;
}
