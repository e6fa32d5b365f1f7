/**
 * The `info` command: what images are.
 *
 * @module
 */
import { parseArguments, present, word } from "./arguments.ts";
import { describe } from "./describe.ts";
import { fail } from "./failure.ts";
import { inspect, type InspectOptions } from "./inspection.ts";
import { UsageError } from "./usage_error.ts";

/** How the command is called. */
export const INFO_USAGE = `virtdisk info [OPTION...] FILE...
  --json              one JSON object per file and line: path, backend, information, chain
  --no-parents        open each file alone, for a child whose parent is missing
  --backend BACKEND   native (Windows) or portable; default: native on Windows`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function info(args: string[]): Promise<number> {
  const { files, json, options } = parse(args);
  let status = 0;
  let separator = "";
  for (const file of files) {
    try {
      const inspection = await inspect(file, options);
      if (json) {
        const { path, backend, information, chain } = inspection;
        console.log(JSON.stringify({ path, backend, information, chain }));
      } else {
        console.log(separator + describe(inspection));
        separator = "\n";
      }
    } catch (error) {
      status = fail(file, error);
    }
  }
  return status;
}

function parse(args: string[]): { files: string[]; json: boolean; options: InspectOptions } {
  const { values, positionals } = parseArguments("info", args, {
    json: { type: "boolean", default: false },
    "no-parents": { type: "boolean", default: false },
    backend: { type: "string" },
  });
  if (positionals.length === 0) throw new UsageError("info: no file given");
  const backend = word("--backend", values.backend, ["native", "portable"]);
  return {
    files: positionals,
    json: values.json,
    options: { noParents: values["no-parents"], ...present({ backend }) },
  };
}
