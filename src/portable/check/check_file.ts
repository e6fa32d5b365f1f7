/**
 * Checks the image in a file, and repairs it where that is asked for.
 *
 * @module
 */
import type { ByteSource, WritableSource } from "../byte_source.ts";
import { contentsOf } from "../contents.ts";
import { type ImageFormat, openImage } from "../detect.ts";
import type { ForeignFormat } from "../foreign_format.ts";
import { Pace } from "../operations/pace.ts";
import { checkEnd } from "./check_end.ts";
import type { CheckFinding, CheckOptions, CheckReport } from "./check_report.ts";
import { checkIso } from "./check_iso.ts";
import { checkVhd, type LinkPlace } from "./check_vhd.ts";
import { checkVhdx } from "./check_vhdx.ts";
import { checkGptBackup } from "./gpt_backup.ts";
import { Findings } from "./findings.ts";
import { repairVhd } from "./repair_vhd.ts";
import { repairVhdx } from "./repair_vhdx.ts";

/** Looks for the parents of the image in a file that is otherwise sound. */
export type ParentCheck = (format: ImageFormat, place: LinkPlace, findings: Findings) => void;

/**
 * Checks an image.
 *
 * @param file Open for writing where it is to be repaired.
 * @param format Where the caller names it.
 * @param checkParents Called for differencing images.
 * @throws {ImageError} Where the file cannot be read, or a repair not be written.
 */
export async function checkFile(
  file: WritableSource,
  format: ImageFormat | undefined,
  options: CheckOptions,
  checkParents: ParentCheck,
): Promise<CheckReport> {
  const pace = new Pace(options);
  const contents = contentsOf(file);
  const taken = format ?? contents.format;
  const foreign = format === undefined ? contents.foreign : undefined;
  const { repair: repairing = false, discardDamagedLog = false } = options;
  if (discardDamagedLog && !repairing) {
    throw new TypeError("discardDamagedLog goes with { repair: true }");
  }
  const subject = { format: taken, foreign, discardDamagedLog };
  const findings = await inspect(file, subject, pace, checkParents);
  // Whoever cancels the check has had nothing repaired.
  pace.end();
  // Between the check and its repair nobody gets a turn, who could change the file.
  if (!repairing || !findings.list.some(({ repairable }) => repairable)) {
    return report(file, foreign === undefined ? taken : undefined, findings);
  }
  repair(file, taken, discardDamagedLog);
  const left = await inspect(file, subject, new Pace({}), checkParents);
  return repairedReport(file, taken, findings, left);
}

/** What a file is taken for, and what of it is to be discarded. */
interface Subject {
  readonly format: ImageFormat | undefined;
  readonly foreign: ForeignFormat | undefined;
  readonly discardDamagedLog: boolean;
}

async function inspect(
  file: ByteSource,
  { format, foreign, discardDamagedLog }: Subject,
  pace: Pace,
  checkParents: ParentCheck,
): Promise<Findings> {
  const findings = new Findings(file.path);
  if (foreign !== undefined) return foreignFindings(findings, foreign);
  if (format !== undefined) checkEnd(file, format, findings);
  const place = await checkFormat(file, format, discardDamagedLog, findings, pace);
  if ((format === "vhd" || format === "vhdx") && !findings.hasError) {
    findings.attempt(() => checkGptBackup(openImage(file, format), findings));
  }
  findings.withholdRepairs();
  if (format !== undefined && place !== undefined && !findings.isObstructed) {
    checkParents(format, place, findings);
  }
  return findings;
}

/** Of a file of another program nothing else is looked at, whatever it is called. */
function foreignFindings(findings: Findings, { name, advice }: ForeignFormat): Findings {
  findings.add({
    severity: "error",
    structure: "file",
    offset: 0,
    found: name,
    expected: "a VHD, VHDX or ISO image",
    symbol: "ERROR_VIRTDISK_PROVIDER_NOT_FOUND",
    remedy: advice,
  });
  return findings;
}

async function checkFormat(
  file: ByteSource,
  format: ImageFormat | undefined,
  discardDamagedLog: boolean,
  findings: Findings,
  pace: Pace,
): Promise<LinkPlace | undefined> {
  switch (format) {
    case "vhd":
      return await checkVhd(file, findings, pace);
    case "vhdx":
      return await checkVhdx(file, findings, pace, discardDamagedLog);
    case "iso":
      checkIso(file, findings);
      return undefined;
    case "raw":
      findings.attempt(() => openImage(file, format));
      return undefined;
    case undefined:
      findings.add({
        severity: "error",
        structure: "file",
        offset: 0,
        found: "no signature, or those of several formats",
        expected: "the signature of a VHD, VHDX or ISO image",
        symbol: "ERROR_VIRTDISK_PROVIDER_NOT_FOUND",
        remedy:
          "If it should be an image, copy or download it again. A raw disk has nothing that " +
          "could be checked.",
      });
      return undefined;
  }
}

function repair(
  file: WritableSource,
  format: ImageFormat | undefined,
  discardDamagedLog: boolean,
): void {
  if (format === "vhd") repairVhd(file);
  if (format === "vhdx") repairVhdx(file, discardDamagedLog);
}

function report(
  { path }: ByteSource,
  format: ImageFormat | undefined,
  findings: Findings,
): CheckReport {
  return {
    path,
    ...(format === undefined ? {} : { format }),
    sound: findings.isSound,
    findings: findings.withRemedies(),
    leftOut: findings.leftOut,
  };
}

/** What is not found any more has been repaired: nothing else is taken for it. */
function repairedReport(
  file: ByteSource,
  format: ImageFormat | undefined,
  before: Findings,
  left: Findings,
): CheckReport {
  const key = ({ structure, offset }: CheckFinding) => `${structure} ${offset}`;
  const remaining = new Set(left.list.map(key));
  for (const finding of before.list) finding.repaired = !remaining.has(key(finding));
  return { ...report(file, format, before), sound: left.isSound };
}
