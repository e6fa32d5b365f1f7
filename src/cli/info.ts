/**
 * The `info` command: what images are.
 *
 * @module
 */
import { oneOrMore, parseArguments, present, word } from "./arguments.ts";
import { describe } from "./describe.ts";
import { inspect, inspectionJson, type InspectOptions } from "./inspection.ts";
import { Report } from "./report.ts";
import { defaultBackend } from "./windows.ts";

/** How the command is called. */
export const INFO_USAGE = `virtdisk info [OPTION...] FILE...
  --json              one JSON object per file and line: path, backend, information, chain, isoVolume,
                      allocatedSize, creator, created, modified, dirtyLog, missingBytes,
                      partitionTable, ancestors
  --no-parents        open each file alone, for a child whose parent is missing
  --type TYPE         vhd, vhdx, iso or raw; default: found out, but raw only if you say so
  --backend BACKEND   native or portable; default: native on Windows, if --allow-ffi allows it

Permissions: --allow-read for each FILE and its parents; with --backend native --allow-ffi for
virtdisk.dll and kernel32.dll.
Exit status: 0; 2 if a file does not open, or the command line is wrong.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function info(args: string[]): Promise<number> {
  const { files, json, options } = parse(args);
  const report = new Report("info", { json });
  let status = 0;
  let separator = "";
  for (const file of files) {
    try {
      const inspection = await inspect(file, options);
      report.tell(file, inspectionJson(inspection), () => separator + describe(inspection));
      separator = "\n";
    } catch (error) {
      status = report.fail(file, error);
    }
  }
  return status;
}

function parse(
  args: string[],
): { files: readonly string[]; json: boolean; options: InspectOptions } {
  const { values, positionals } = parseArguments("info", args, {
    json: { type: "boolean", default: false },
    "no-parents": { type: "boolean", default: false },
    type: { type: "string" },
    backend: { type: "string" },
  });
  const backend = word("--backend", values.backend, ["native", "portable"]) ?? defaultBackend();
  const type = word("--type", values.type, ["vhd", "vhdx", "iso", "raw"]);
  return {
    files: oneOrMore("info", positionals),
    json: values.json,
    options: { noParents: values["no-parents"], backend, ...present({ type }) },
  };
}
