/**
 * The `check` command: whether images are sound.
 *
 * @module
 */
import { type CheckFinding, type CheckReport, checkVirtualDisk } from "../../mod.ts";
import { oneOrMore, parseArguments, present, word } from "./arguments.ts";
import { FINDING_STATUS } from "./failure.ts";
import { findingForShell } from "./in_options.ts";
import { ProgressBar } from "./progress_bar.ts";
import { Report } from "./report.ts";
import { style } from "./style.ts";
import { UsageError } from "./usage_error.ts";

/** How the command is called. */
export const CHECK_USAGE = `virtdisk check [OPTION...] FILE...
  --repair            put right what the file holds twice, or what follows from the rest
  --discard-damaged-log
                      with --repair: of a VHDX log with a damaged entry, replay what lies before the
                      damage and discard the rest; what was written since may be lost
  --type TYPE         vhd, vhdx or iso; default: found out
  --json              one JSON object per file and line: path, format, sound, findings, leftOut

Permissions: --allow-read for each FILE and its parents; with --repair --allow-write for FILE.
Exit status: 0; 1 if an error or a warning is left; 2 if a file cannot be checked;
130 after Ctrl-C.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function check(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("check", args, {
    repair: { type: "boolean", default: false },
    "discard-damaged-log": { type: "boolean", default: false },
    type: { type: "string" },
    json: { type: "boolean", default: false },
  });
  const { repair, json, "discard-damaged-log": discardDamagedLog } = values;
  if (discardDamagedLog && !repair) {
    throw new UsageError("check: --discard-damaged-log goes with --repair");
  }
  const options = {
    repair,
    discardDamagedLog,
    ...present({ type: word("--type", values.type, ["vhd", "vhdx", "iso"]) }),
  };
  const files = oneOrMore("check", positionals);
  const report = new Report("check", { json });
  let current = files[0]!;
  return await report.interruptible(() => current, async (signal) => {
    let status = 0;
    for (const path of files) {
      current = path;
      try {
        const outcome = inShell(await checkOne(path, { ...options, signal }));
        report.tell(path, outcome, () => describe(path, outcome));
        if (!outcome.sound) status = Math.max(status, FINDING_STATUS);
      } catch (error) {
        signal.throwIfAborted();
        status = report.fail(path, error);
      }
    }
    return status;
  }, () => repair ? `nothing has been repaired in ${JSON.stringify(current)}` : undefined);
}

async function checkOne(
  path: string,
  options: Parameters<typeof checkVirtualDisk>[1],
): Promise<CheckReport> {
  using bar = new ProgressBar();
  return await checkVirtualDisk(path, { ...options, onProgress: bar.show });
}

/** Advice in the words of the command line. */
function inShell(report: CheckReport): CheckReport {
  return { ...report, findings: report.findings.map(findingForShell) };
}

const COLORS = { error: "red", warning: "yellow", info: "dim" } as const;

/** The path, and under it the findings, each with its place. */
function describe(path: string, { format, findings, leftOut, sound }: CheckReport): string {
  const kind = format === undefined ? "" : `${format.toUpperCase()} image, `;
  return [
    `${style("bold", path)}: ${kind}${sound ? "sound" : "not sound"}`,
    ...findings.flatMap((finding, index) => {
      // Several findings in a row are often put right by the same step.
      const isLast = findings[index + 1]?.remedy !== finding.remedy;
      const { remedy } = finding;
      return [
        line(finding),
        ...(remedy !== undefined && isLast ? [`    ${remedy}`] : []),
      ];
    }),
    ...(leftOut > 0 ? [`  and ${leftOut} findings more`] : []),
  ].join("\n");
}

function line(finding: CheckFinding): string {
  const { severity, structure, offset, found, expected, symbol, repairable, repaired } = finding;
  const code = symbol === undefined ? "" : ` (${symbol})`;
  const outcome = repaired ? ", repaired" : repairable ? ", can be repaired" : "";
  return `  ${style(COLORS[severity], severity)} ${structure} at offset ${offset}: ` +
    `found ${
      /^0x[0-9A-F]+$/.test(String(found)) ? found : JSON.stringify(found)
    }, expected ${expected}${code}${outcome}`;
}
