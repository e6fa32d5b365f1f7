/**
 * The `info` command: what images are.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { VirtualDiskError } from "../../mod.ts";
import { describe } from "./describe.ts";
import { inspect, type InspectOptions } from "./inspection.ts";
import { UsageError } from "./usage_error.ts";

/** How the command is called. */
export const INFO_USAGE = `virtdisk info [OPTION...] FILE...
  --json              one JSON object per file and line: path, backend, information, chain
  --no-parents        open each file alone, for a child whose parent is missing
  --backend BACKEND   native (Windows) or portable; default: native on Windows

Exit status: 0; 1 where a file does not open; 2 for a wrong command line.`;

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
      console.error(failure(file, error));
      status = 1;
    }
  }
  return status;
}

function parse(args: string[]): { files: string[]; json: boolean; options: InspectOptions } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        "no-parents": { type: "boolean", default: false },
        backend: { type: "string" },
      },
    });
    if (positionals.length === 0) throw new UsageError("info: no file given");
    const { backend } = values;
    if (backend !== undefined && backend !== "native" && backend !== "portable") {
      throw new UsageError(`info: --backend is native or portable, not ${JSON.stringify(backend)}`);
    }
    return {
      files: positionals,
      json: values.json,
      options: { noParents: values["no-parents"], ...(backend === undefined ? {} : { backend }) },
    };
  } catch (error) {
    // parseArgs throws TypeErrors whose codes begin so.
    const isUsage = error instanceof TypeError && "code" in error &&
      String(error.code).startsWith("ERR_PARSE_ARGS");
    throw isUsage ? new UsageError(`info: ${error.message}`) : error;
  }
}

/** What a person is told; anything unexpected is a fault of this program and goes on upwards. */
function failure(file: string, error: unknown): string {
  if (error instanceof VirtualDiskError) {
    // The first cause stands in the message already.
    const more = error.causes.slice(1).map((cause) => `\n  or: ${cause}`).join("");
    return `virtdisk: ${error.message}${more}`;
  }
  const isRefusal = error instanceof Deno.errors.NotCapable || error instanceof TypeError;
  if (isRefusal) return `virtdisk: ${JSON.stringify(file)}: ${error.message}`;
  throw error;
}
