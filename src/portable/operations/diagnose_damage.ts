/**
 * What a check finds, for whoever asks why an image does not open.
 *
 * @module
 */
import { bytesText, groupedDigits } from "../../text/digits.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { type Finding, finding, type FindingSubject } from "../../disk/finding.ts";
import { shellFile, virtdiskCommand } from "../../text/shell.ts";
import { type CheckFinding, type CheckReport, FILE_LENGTH } from "../image/findings.ts";
import { formatNamed } from "../formats.ts";
import { freshPath } from "./diagnose_name.ts";

/** A damaged table may have thousands of wrong entries: these are told, and a check tells them all. */
const MAX_DAMAGES = 10;
/** Of an image that is cut off, the rest is mostly what lies behind its end. */
const MAX_DAMAGES_OF_CUT_OFF = 3;

/** The findings of a check. */
export function damageFindings(path: string, size: number, report: CheckReport): Finding[] {
  const told = report.findings.filter(({ severity, symbol }) =>
    severity !== "info" || symbol !== undefined
  );
  const isRepairable = report.findings.every(({ severity, repairable }) =>
    severity !== "error" || repairable
  );
  const missing = told.filter(({ missingBytes }) => missingBytes !== undefined);
  const others = told.filter(({ missingBytes }) => missingBytes === undefined);
  const most = missing.length > 0 ? MAX_DAMAGES_OF_CUT_OFF : MAX_DAMAGES;
  const shown = others.slice(0, most);
  const left = others.slice(most);
  return [
    ...missing.map((found) => cutOffFinding(path, size, found, isRepairable)),
    ...shown.map((found) => damageFinding(path, wholeLength(size, report), found, isRepairable)),
    ...(left.length === 0 ? [] : [restFinding(path, left, report.leftOut)]),
  ];
}

function cutOffFinding(
  path: string,
  size: number,
  { missingBytes = 0, expected, symbol, remedy, ...found }: CheckFinding,
  isRepairable: boolean,
): Finding {
  const least = expected.startsWith("at least") ? "at least " : "";
  const verb = missingBytes === 1 ? "is" : "are";
  const { structure, offset } = found;
  return finding(
    "error",
    "cut-off",
    path,
    `cut off: ${least}${bytesText(missingBytes)} ${verb} missing: the file has ${
      groupedDigits(size)
    } of ` +
      `${least}${groupedDigits(size + missingBytes)}`,
    {
      symbol: symbol as ErrorSymbol,
      ...(remedy === undefined ? {} : { remedy }),
      missingBytes,
      detail: { structure, offset, found: found.found, expected },
      command: found.repairable && isRepairable
        ? repairCommand(path)
        : virtdiskCommand("check", [], [path]),
    },
  );
}

/** The length that the file has once its last unit is whole, in bytes. */
function wholeLength(size: number, { format }: CheckReport): number {
  const unit = (format && formatNamed(format).lengthUnit) ?? 1;
  return Math.ceil(size / unit) * unit;
}

function damageFinding(
  path: string,
  wholeLength: number,
  found: CheckFinding,
  isRepairable: boolean,
): Finding {
  const { structure, offset, expected, symbol, remedy } = found;
  const subject = subjectOf(found);
  const shown = typeof found.found === "string" ? JSON.stringify(found.found) : found.found;
  const command = structure === FILE_LENGTH
    ? lengthenCommand(path, wholeLength)
    : commandOf(path, found, isRepairable);
  const message = subject === "log" && found.severity === "warning"
    ? "the image was not closed properly: its log holds changes"
    : structure === FILE_LENGTH
    ? `the file has ${found.found}: its length must be ${expected}`
    : `${structure} at offset ${offset}: found ${shown}, expected ${expected}${besides(found)}`;
  return finding(found.severity, subject, path, message, {
    ...(symbol === undefined ? {} : { symbol: symbol as ErrorSymbol }),
    ...(remedy === undefined ? {} : { remedy: adviceOf(found, remedy) }),
    detail: { structure, offset, found: found.found, expected },
    ...(command === undefined ? {} : { command }),
  });
}

/** What the copy of a footer is good for, which is believed here, and by QEMU. */
function besides({ structure, severity, symbol }: CheckFinding): string {
  const isCopied = structure === "footer" && severity === "warning" &&
    symbol === "ERROR_VHD_DRIVE_FOOTER_MISSING";
  return isCopied
    ? "; the disk is known by the copy at the start, but Windows looks for it there"
    : "";
}

function subjectOf({ structure, symbol, severity }: CheckFinding): FindingSubject {
  if (structure === "log" && severity === "warning") return "log";
  const isLength = structure === FILE_LENGTH || symbol === "ERROR_VHD_INVALID_FILE_SIZE";
  return isLength ? "size" : "damage";
}

function adviceOf(found: CheckFinding, remedy: string): string {
  return subjectOf(found) === "log" && found.repairable
    ? `${remedy} Opening it for writing does so too; readers see it as its log leaves it.`
    : remedy;
}

function commandOf(
  path: string,
  { severity, symbol, repairable }: CheckFinding,
  isRepairable: boolean,
): string | undefined {
  if (severity === "info") return undefined;
  if (repairable && isRepairable) return repairCommand(path);
  if (symbol === "ERROR_VHD_INVALID_FILE_SIZE") {
    const target = freshPath(path, ".vhd");
    return virtdiskCommand("convert", ["--subtype", "fixed"], [path, target]);
  }
  return virtdiskCommand("check", [], [path]);
}

/** Fills a file up with zeros. */
function lengthenCommand(path: string, size: number): string {
  switch (Deno.build.os) {
    case "windows":
      return `fsutil file seteof ${shellFile(path)} ${size}`;
    case "linux":
      return `truncate -s ${size} ${shellFile(path)}`;
    default:
      return `dd if=/dev/null of=${shellFile(path)} bs=1 seek=${size} count=0`;
  }
}

function repairCommand(path: string): string {
  return virtdiskCommand("check", ["--repair"], [path]);
}

function restFinding(path: string, left: readonly CheckFinding[], leftOut: number): Finding {
  const worst = left.some(({ severity }) => severity === "error")
    ? "error"
    : left.some(({ severity }) => severity === "warning")
    ? "warning"
    : "info";
  return finding(worst, "damage", path, `and ${left.length + leftOut} findings more`, {
    remedy: "A check lists them all.",
    command: virtdiskCommand("check", [], [path]),
  });
}
