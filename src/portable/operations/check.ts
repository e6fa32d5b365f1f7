/**
 * Checks image files, those too that do not open.
 *
 * @module
 */
import { bytesText } from "../../text/digits.ts";
import type { HostSource } from "../../disk/disk_source.ts";
import type { ImageType } from "../../disk/open_options.ts";
import { type Link, openAncestors } from "../chain/ancestors.ts";
import type { ImageChain } from "../chain/chain.ts";
import type { ByteSource, OpenFile, WritableSource } from "../file/byte_source.ts";
import { whenAllFetched, whenFetched } from "../file/fetched_file.ts";
import { ImageError, inLongOperation, openForReading } from "../file/image_error.ts";
import { ImageFile } from "../file/image_file.ts";
import { openSourceFile } from "../file/sources.ts";
import type { PromisedEnd } from "../file/promised_end.ts";
import { formatNamed, type ImageFormat, openImage } from "../formats.ts";
import {
  type CheckFinding,
  type CheckOptions,
  type CheckReport,
  END_OF_FILE,
  Findings,
  type LinkPlace,
} from "../image/findings.ts";
import type { ForeignFormat } from "../image/foreign_format.ts";
import type { Checks, Format, RepairOptions } from "../image/format.ts";
import type { DiskImage } from "../image/image.ts";
import { Pace } from "../image/pace.ts";
import { decodeHeader, isHeader, PRIMARY_SECTOR } from "../partitions/gpt.ts";
import { partitionedDisk, readSector } from "../partitions/partitioned_disk.ts";
import { rawDiskIn } from "../partitions/raw_disk.ts";
import { contentsOf } from "./contents.ts";

/**
 * How an image file is checked.
 *
 * @category Operations
 */
export interface FileCheckOptions extends CheckOptions {
  /** What the file is; by default that is found out from its contents, else from its extension. */
  type?: Exclude<ImageType, "vhdset"> | undefined;
}

/**
 * Checks an image that is not open, and its parents.
 *
 * @throws {VirtualDiskError} If it cannot be opened or read, or a repair cannot be written.
 */
export async function checkClosed(
  source: HostSource,
  options: FileCheckOptions,
): Promise<CheckReport> {
  return await inLongOperation("OpenVirtualDisk", async () => {
    const { repair: write = false, signal } = options;
    signal?.throwIfAborted();
    const opened = await openSourceFile(source, { write, keepOpen: true, signal });
    const file: OpenFile = typeof opened === "string" ? ImageFile.open(opened, { write }) : opened;
    try {
      return await checkFile(file, options.type, options, (...found) => {
        if (file.origin === undefined) checkParents(file, ...found);
        else tellUnknownParent(...found);
      });
    } finally {
      file.close();
    }
  });
}

/**
 * Checks the file of an open disk, which is not to be used meanwhile.
 *
 * @throws {ImageError} As {@linkcode checkFile}; `ERROR_ACCESS_DENIED` where it is to be repaired, but is open
 * for reading.
 */
export async function checkChain(chain: ImageChain, options: CheckOptions): Promise<CheckReport> {
  const { image } = chain;
  if (options.repair && chain.writable === undefined) {
    throw openForReading(image.source);
  }
  options.signal?.throwIfAborted();
  // The parents were found when the disk was opened, or it was opened without them.
  return await chain.rework((file) => checkFile(file, image.format, options, () => {}));
}

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
  const contents = await whenFetched(() => contentsOf(file), options.signal);
  const name = format ?? contents.format;
  const taken = name && formatNamed(name);
  const foreign = format === undefined ? contents.foreign : undefined;
  const { repair = false, discardDamagedLog = false } = options;
  if (discardDamagedLog && !repair) {
    throw new TypeError("discardDamagedLog goes with { repair: true }");
  }
  const checks = await taken?.checks();
  const subject = { format: taken, checks, foreign, options: { discardDamagedLog } };
  const findings = await whenAllFetched(
    () => inspect(file, subject, pace, checkParents),
    options.signal,
  );
  // Whoever cancels the check has had nothing repaired.
  pace.end();
  // Between the check and its repair nobody gets a turn, who could change the file.
  if (!repair || !findings.list.some(({ repairable }) => repairable)) {
    return report(file, foreign === undefined ? name : undefined, findings);
  }
  checks?.repair?.(file, subject.options);
  const left = await inspect(file, subject, new Pace({}), checkParents);
  return repairedReport(file, name, findings, left);
}

/** What a file is taken for, and what of it is to be discarded. */
interface Subject {
  readonly format: Format | undefined;
  /** Those of the format. */
  readonly checks: Checks | undefined;
  readonly foreign: ForeignFormat | undefined;
  readonly options: RepairOptions;
}

async function inspect(
  file: ByteSource,
  { format, checks, foreign, options }: Subject,
  pace: Pace,
  checkParents: ParentCheck,
): Promise<Findings> {
  const findings = new Findings(file.path, format?.remedies);
  if (foreign !== undefined) return foreignFindings(findings, foreign, format);
  if (format === undefined || checks === undefined) return unknownFindings(findings);
  checkEnd(file, format, findings);
  const place = await checks.check(file, findings, pace, options);
  if (format.storesSize && !findings.hasError) {
    findings.attempt(() => checkGptBackup(format.open(file), findings));
  }
  findings.withholdRepairs();
  if (place !== undefined && !findings.isObstructed) checkParents(format.name, place, findings);
  return findings;
}

/** Of a file of another program nothing else is looked at, whatever it is called. */
function foreignFindings(
  findings: Findings,
  { name, advice }: ForeignFormat,
  called: Format | undefined,
): Findings {
  findings.add({
    severity: "error",
    structure: "file",
    offset: 0,
    found: name,
    expected: "a VHD, VHDX or ISO image",
    symbol: called?.unmarked ?? "ERROR_VIRTDISK_PROVIDER_NOT_FOUND",
    remedy: advice,
  });
  return findings;
}

function unknownFindings(findings: Findings): Findings {
  findings.add({
    severity: "error",
    structure: "file",
    offset: 0,
    found: "no signature, or those of several formats",
    expected: "the signature of a VHD, VHDX or ISO image",
    symbol: "ERROR_VIRTDISK_PROVIDER_NOT_FOUND",
    remedy: "If it should be an image, copy or download it again. A raw disk has nothing that " +
      "could be checked.",
  });
  return findings;
}

/** Checks whether a file ends where its own structures say. */
export function checkEnd(file: ByteSource, format: Format, findings: Findings): void {
  const promised = promisedEnd(file, format);
  if (promised === undefined || promised.end <= file.size) return;
  const missingBytes = promised.end - file.size;
  const least = promised.isExact ? "" : "at least ";
  findings.add({
    severity: "error",
    structure: END_OF_FILE,
    offset: file.size,
    found: `${file.size} bytes`,
    expected: `${least}${promised.end} bytes: cut off, ${least}${bytesText(missingBytes)} ${
      missingBytes === 1 ? "is" : "are"
    } missing`,
    symbol: format.cutOff,
    repairable: promised.isRepairable ?? false,
    missingBytes,
  });
}

/** Of a fixed VHD without its footer, the disk's partitions tell how long it is at least. */
function promisedEnd(file: ByteSource, format: Format): PromisedEnd | undefined {
  const promised = format.promisedEnd?.(file);
  if (promised !== undefined || format.trailerLength === undefined || format.matches(file)) {
    return promised;
  }
  const disk = rawDiskIn(file);
  return disk && { end: disk.end + format.trailerLength, isExact: false };
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

// Checks whether the parents of a differencing image are there, and are the right ones.

function tellUnknownParent(_format: ImageFormat, place: LinkPlace, findings: Findings): void {
  findings.add({
    severity: "info",
    ...place,
    found: "the link to a parent",
    expected: "a parent, which was not looked for: the image has no path",
  });
}

/** Whoever checks is in nobody's way. */
const OPTIONS = { ignoreRelative: false, writableDepth: 0, sharing: "everyone" } as const;

/**
 * Opens the parents, and closes them again. What is wrong inside of them is for their own check to tell,
 * but for what keeps them from being opened.
 *
 * @param file Found to hold an image that can be opened.
 */
export function checkParents(
  file: OpenFile,
  format: ImageFormat,
  place: LinkPlace,
  findings: Findings,
): void {
  const child: Link = { file, image: openImage(file, format) };
  try {
    for (const { file: parent } of openAncestors([child], OPTIONS)) parent.close();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    findings.add({
      severity: "error",
      ...place,
      found: error.message,
      expected: "the parent of which the image was made",
      symbol: error.symbol,
      remedy: error.toVirtualDiskError("OpenVirtualDisk").causes.join(" Or: "),
    });
  }
}

// Checks the size of a disk against the one thing outside the format that tells it too: a GUID partition table,
// whose first header says where the backup is, in the last sector of the disk.

/** Where a header says that the other one is. */
const OTHER_SECTOR = 32;

/** Checks a disk without its parents: a table that lies in one of them says nothing. */
export function checkGptBackup(image: DiskImage, findings: Findings): void {
  const disk = partitionedDisk([image]);
  const { size, sectorSize } = disk;
  const last = Math.floor(size / sectorSize) - 1;
  if (last <= PRIMARY_SECTOR) return;
  const at = PRIMARY_SECTOR * sectorSize;
  const extent = image.extent(at, at + sectorSize);
  if (extent.kind !== "file" || extent.length < sectorSize) return;
  const header = readSector(disk, PRIMARY_SECTOR);
  const { ownSector, otherSector } = decodeHeader(header);
  if (!isHeader(header) || ownSector !== PRIMARY_SECTOR || otherSector === last) return;
  const isCut = otherSector > last;
  findings.add({
    // A disk that was enlarged is like that until its table is moved.
    severity: isCut ? "warning" : "info",
    structure: "GUID partition table",
    offset: extent.fileOffset + OTHER_SECTOR,
    found: `the backup in sector ${otherSector}, of a disk of ${
      (otherSector + 1) * sectorSize
    } bytes`,
    expected: `sector ${last}, the last of the disk's ${size} bytes${
      isCut ? ": the size is damaged, or the disk was cut off" : ", unless the disk was enlarged"
    }`,
    ...(isCut ? { symbol: "ERROR_VHD_INVALID_SIZE" } : {}),
  });
}
