/**
 * The `diagnose` command: why images do not open or attach.
 *
 * @module
 */
import { diagnose, type Finding, type Severity } from "../../mod.ts";
import { parseArguments, present, word } from "./arguments.ts";
import { fail, FINDING_STATUS } from "./failure.ts";
import { inOptions } from "./in_options.ts";
import { printLine } from "./standard_output.ts";
import { style } from "./style.ts";
import { UsageError } from "./usage_error.ts";

/** How the command is called. */
export const DIAGNOSE_USAGE = `virtdisk diagnose [OPTION...] FILE...
  --json              one JSON object per file and line: path, findings
  --backend BACKEND   native (Windows) or portable; default: native on Windows

Permissions: --allow-read for each FILE and its parents; with --backend native (the default on Windows)
--allow-ffi for virtdisk.dll and kernel32.dll.
Exit status: 0; 1 where a finding is an error, such as a file that does not open; 2 where a file may not
be looked at.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function runDiagnose(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("diagnose", args, {
    json: { type: "boolean" },
    backend: { type: "string" },
  });
  if (positionals.length === 0) throw new UsageError("diagnose: no file given");
  const backend = word("diagnose: --backend", values.backend, ["native", "portable"]);
  let status = 0;
  for (const path of positionals) {
    try {
      const findings = await diagnose(path, present({ backend }));
      printLine(values.json ? JSON.stringify({ path, findings }) : report(path, findings));
      if (findings.some(({ severity }) => severity === "error")) {
        status = Math.max(status, FINDING_STATUS);
      }
    } catch (error) {
      status = fail(path, error);
    }
  }
  return status;
}

const COLORS = { error: "red", warning: "yellow", info: "dim" } as const satisfies Record<
  Severity,
  string
>;

/** The path, and under it the findings, each with what to do. */
function report(path: string, findings: readonly Finding[]): string {
  const lines = findings.flatMap((found) => {
    const { severity, subject, symbol, message, remedy } = found;
    const head = `${style(COLORS[severity], severity)} ${subject}: `;
    const where = found.path === path ? "" : `${found.path}: `;
    const code = symbol === undefined ? "" : ` (${symbol})`;
    return [
      `  ${head}${where}${message}${code}`,
      ...(remedy === undefined ? [] : [`    ${inOptions(remedy)}`]),
    ];
  });
  return [style("bold", path), ...lines].join("\n");
}
