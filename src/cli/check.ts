/**
 * The `check` command: whether images are sound.
 *
 * @module
 */
import { type CheckFinding, type CheckReport, checkVirtualDisk } from "../../portable.ts";
import { flag, QUIET, word } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { FINDING_STATUS, UsageError } from "./failure.ts";
import { findingForShell } from "./in_options.ts";
import type { Report } from "./report.ts";
import { style } from "./terminal.ts";
import { shownOperand, sourceOf, URL_PERMISSION } from "./url_operand.ts";

const check: Command = command({
  about: "Says whether images are sound, and repairs them if it is asked to.",
  operands: "FILE...",
  options: {
    repair: flag("put right what the file holds twice, or what follows from the rest"),
    discardDamagedLog: flag(
      "with --repair: if an entry of a VHDX log is damaged, replay what lies before it and discard the " +
        "rest; what was written since may be lost",
    ),
    type: word("TYPE", ["vhd", "vhdx", "iso"], "vhd, vhdx or iso; default: found out"),
    quiet: QUIET,
    json: flag("one JSON object per file and line: path, format, sound, findings, leftOut"),
  },
  permissions: [
    { kind: "read", scope: "each FILE and its parents" },
    { kind: "write", scope: "FILE", with: ["--repair"] },
    URL_PERMISSION,
  ],
  examples: [
    ["check disk.vhdx child.vhdx", "Are these sound?"],
    ["check --repair disk.vhdx", "Put right what can be put right"],
    ["check --quiet disk.vhdx || echo damaged", "For a script"],
  ],
  statuses: {
    1: "an error or a warning is left",
    2: "a file cannot be checked or the command line is wrong",
  },
  run({ operands: files, options: { json: _, quiet: __, ...options }, report }) {
    const { repair, discardDamagedLog } = options;
    if (discardDamagedLog && !repair) {
      throw new UsageError("check: --discard-damaged-log needs --repair");
    }
    let [current] = files;
    return report.interruptible(() => current, async (signal) => {
      let status = 0;
      for (const path of files) {
        current = path;
        try {
          const outcome = inShell(await checkOne(path, { ...options, signal }, report));
          report.tell(path, outcome, () => describe(path, outcome));
          if (!outcome.sound) status = Math.max(status, FINDING_STATUS);
        } catch (error) {
          signal.throwIfAborted();
          status = report.fail(path, error);
        }
      }
      return status;
    }, () => repair ? `nothing has been repaired in ${JSON.stringify(current)}` : undefined);
  },
});

export default check;

async function checkOne(
  path: string,
  options: Parameters<typeof checkVirtualDisk>[1],
  report: Report,
): Promise<CheckReport> {
  using bar = report.progressBar();
  return await checkVirtualDisk(sourceOf(path), { ...options, onProgress: bar.show });
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
    `${style("bold", shownOperand(path))}: ${kind}${sound ? "sound" : "not sound"}`,
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
