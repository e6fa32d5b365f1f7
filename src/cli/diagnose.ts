/**
 * The `diagnose` command: why images do not open or attach.
 *
 * @module
 */
import { diagnose, type Diagnosis, type Severity } from "../../portable.ts";
import { flag, word } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command, Commands } from "./declaration.ts";
import { FAILED_STATUS, FINDING_STATUS } from "./failure.ts";
import { findingForShell } from "./in_options.ts";
import { defaultBackend, typedCommand, WINDOWS_FLAG } from "./program.ts";
import { absolute, type Report } from "./report.ts";
import { ProgressBar, style } from "./terminal.ts";

const diagnoseCommand: Command = command({
  about:
    "Says why images do not open or attach. It changes nothing, and ends with a verdict and the command to " +
    "type next.",
  operands: "FILE...",
  options: {
    json: flag("one JSON object per file and line: path, verdict, summary, command, findings"),
    backend: word(
      "BACKEND",
      ["native", "portable"],
      "native, which asks Windows too, or portable; default: native on Windows, if --allow-ffi allows it",
    ),
  },
  permissions: [
    {
      kind: "read",
      scope: "each FILE and its parents, and its folder to find a parent that was renamed",
    },
    { kind: "write", scope: "each FILE, to find out whether it can be written" },
    { kind: "ffi", scope: "what Windows says", with: ["--backend native"] },
  ],
  examples: [
    ["diagnose disk.vhdx", "Why does it not open?"],
    ["diagnose --json disk.vhdx child.vhdx", "The same for a program, of several"],
  ],
  statuses: {
    1: "a finding is an error, such as a file that does not open or is cut off",
    2: "a file is not there, is a folder or may not be read, or the command line is wrong",
  },
  run({ operands: files, options, report, commands }) {
    const { backend = defaultBackend() } = options;
    let [current] = files;
    return report.interruptible(() => current, async (signal) => {
      let status = 0;
      let separator = "";
      for (const path of files) {
        current = path;
        try {
          const found = await diagnoseOne(path, backend, signal);
          const diagnosis = await inShell(found, commands);
          const hint = options.backend === undefined && backend === "portable" ? UNASKED : "";
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
  },
});

export default diagnoseCommand;

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

async function diagnoseOne(
  path: string,
  backend: "native" | "portable",
  signal: AbortSignal,
): Promise<Diagnosis> {
  using bar = new ProgressBar();
  const options = { signal, onProgress: bar.show };
  if (backend === "portable") return await diagnose(path, options);
  // The code of the native backend, which nobody else needs.
  const { diagnose: diagnoseNative } = await import("../../mod.ts");
  return await diagnoseNative(path, { ...options, backend });
}

/** What more could be known. */
const UNASKED = Deno.build.os === "windows"
  ? `\n  Windows itself was not asked: ${WINDOWS_FLAG} allows it.`
  : "";

/** Advice in options, and commands that can be typed. */
async function inShell(diagnosis: Diagnosis, commands: Commands): Promise<Diagnosis> {
  const typed = async <T extends { command?: string }>(each: T): Promise<T> =>
    each.command === undefined
      ? each
      : { ...each, command: await typedCommand(each.command, commands) };
  return {
    ...await typed(diagnosis),
    findings: await Promise.all(diagnosis.findings.map((each) => typed(findingForShell(each)))),
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
