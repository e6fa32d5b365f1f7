/**
 * The `diagnose` command: why images do not open or attach.
 *
 * @module
 */
import { diagnose, type DiagnoseOptions, type Diagnosis, type Severity } from "../../mod.ts";
import { oneOrMore, parseArguments, word } from "./arguments.ts";
import { FAILED_STATUS, FINDING_STATUS } from "./failure.ts";
import { findingForShell } from "./in_options.ts";
import { ProgressBar } from "./progress_bar.ts";
import { absolute, Report } from "./report.ts";
import { style } from "./style.ts";
import { typedCommand } from "./typed_command.ts";
import { defaultBackend, WINDOWS_FLAG } from "./windows.ts";

/** How the command is called. */
export const DIAGNOSE_USAGE = `virtdisk diagnose [OPTION...] FILE...
  --json              one JSON object per file and line: path, verdict, summary, command, findings
  --backend BACKEND   native, which asks Windows too, or portable; default: native on Windows, if
                      --allow-ffi allows it

It changes nothing, and ends with a verdict and the command to type next.

Permissions: --allow-read for each FILE and its parents, and for its folder to find a parent that was
renamed; --allow-write for each FILE to find out whether it can be written; with --backend native
--allow-ffi for virtdisk.dll and kernel32.dll.
Exit status: 0; 1 if a finding is an error, such as a file that does not open or is cut off; 2 if a file is
not there, is a folder or may not be read; 130 after Ctrl-C.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function runDiagnose(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("diagnose", args, {
    json: { type: "boolean", default: false },
    backend: { type: "string" },
  });
  const backend = word("--backend", values.backend, ["native", "portable"]) ?? defaultBackend();
  const files = oneOrMore("diagnose", positionals);
  const report = new Report("diagnose", { json: values.json });
  let current = files[0]!;
  return await report.interruptible(() => current, async (signal) => {
    let status = 0;
    let separator = "";
    for (const path of files) {
      current = path;
      try {
        const diagnosis = inShell(await diagnoseOne(path, { backend, signal }));
        const hint = values.backend === undefined && backend === "portable" ? UNASKED : "";
        const text = () => separator + describe(path, diagnosis) + hint;
        status = Math.max(status, tellOne(report, path, diagnosis, text));
        separator = "\n";
      } catch (error) {
        signal.throwIfAborted();
        status = report.fail(path, error);
      }
    }
    return status;
  });
}

/**
 * Tells of one file; gives the exit status. A file that cannot be read at all is a failure, as in every
 * command.
 */
function tellOne(
  report: Report,
  path: string,
  diagnosis: Diagnosis,
  text: () => string,
): number {
  const findings = diagnosis.findings.map((found) => ({ ...found, path: absolute(found.path) }));
  const facts = { ...diagnosis, findings };
  const missing = findings.find(({ path: file, severity, subject }) =>
    file === absolute(path) && severity === "error" && UNREAD.includes(subject)
  );
  if (missing === undefined || !report.json) {
    report.tell(path, facts, text);
  } else {
    const { code = null, symbol = null, message, remedy } = missing;
    const causes = remedy === undefined ? [] : [remedy];
    report.failWith(path, { ...facts, name: "VirtualDiskError", code, symbol, message, causes });
  }
  if (missing !== undefined) return FAILED_STATUS;
  return diagnosis.verdict === "unusable" ? FINDING_STATUS : 0;
}

/** What errors are about that leave nothing to be looked at. */
const UNREAD: readonly string[] = ["file", "access"];

async function diagnoseOne(path: string, options: DiagnoseOptions): Promise<Diagnosis> {
  using bar = new ProgressBar();
  return await diagnose(path, { ...options, onProgress: bar.show });
}

/** What more could be known. */
const UNASKED = Deno.build.os === "windows"
  ? `\n  Windows itself was not asked: ${WINDOWS_FLAG} allows it.`
  : "";

/** Advice in options, and commands that can be typed. */
function inShell(diagnosis: Diagnosis): Diagnosis {
  const { command } = diagnosis;
  return {
    ...diagnosis,
    ...(command === undefined ? {} : { command: typedCommand(command) }),
    findings: diagnosis.findings.map((found) => ({
      ...findingForShell(found),
      ...(found.command === undefined ? {} : { command: typedCommand(found.command) }),
    })),
  };
}

const COLORS = { error: "red", warning: "yellow", info: "dim" } as const satisfies Record<
  Severity,
  string
>;

/** The path, under it the findings, each with what to do, and at the end the verdict and what to type. */
function describe(path: string, { findings, summary, command }: Diagnosis): string {
  const lines = findings.flatMap((found, index) => {
    const { severity, subject, symbol, message, remedy } = found;
    const head = `${style(COLORS[severity], severity)} ${subject}: `;
    const where = found.path === path ? "" : `${found.path}: `;
    const code = symbol === undefined ? "" : ` (${symbol})`;
    const isLast = findings[index + 1]?.remedy !== remedy;
    return [
      `  ${head}${where}${message}${code}`,
      ...(remedy !== undefined && isLast ? [`    ${remedy}`] : []),
    ];
  });
  return [
    style("bold", path),
    ...lines,
    `  ${style("bold", `${summary}.`)}`,
    ...(command === undefined ? [] : [`  Type: ${command}`]),
  ].join("\n");
}
