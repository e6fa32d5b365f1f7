/**
 * What is lost of a damaged disk, in words, and as an exit status.
 *
 * @module
 */
import {
  type DamageFinding,
  type DamageOptions,
  type DiskDamage,
  type LossReason,
  type OpenOptions,
  openVirtualDisk,
  type PartitionDamage,
} from "../../portable.ts";
import { counted, formatBytes, groupedDigits, roundBytes } from "../text/digits.ts";
import { flag, size } from "./arguments.ts";
import { typed } from "./declaration.ts";
import { FINDING_STATUS, UsageError } from "./failure.ts";
import { isUrl } from "./url_operand.ts";
import type { Report } from "./report.ts";
import { ProgressBar } from "./terminal.ts";

/** The option of commands that read a disk. */
export const SALVAGE = flag(
  "read what is left of a damaged image: what is lost are zeros, and is told on standard error",
);

/** What is said of a damaged image in place of its file. */
export const ASSUMED = {
  size: size("of the disk, if the damaged image does not say it any more"),
  blockSize: size("of its blocks, if it does not say that any more"),
  sectorSize: size("of its sectors, 512 or 4096, if it does not say that any more"),
} as const;

/** When a command that has that option ends with 1. */
export const LOST_STATUS = "something is lost, and what is printed";

/** What was given of these options. */
type Assumed = { readonly [K in keyof typeof ASSUMED]?: number | undefined };

/** How to open a damaged image with that option; nothing without it. */
export function tolerance(
  isDamaged: boolean,
  assume: Assumed = {},
): Pick<OpenOptions, "damage" | "assume"> {
  return isDamaged ? { damage: "tolerate", assume } : {};
}

/**
 * Refuses sizes of an image that must be sound, and a damaged one that has to be fetched.
 *
 * @throws {UsageError} If that is what was asked for.
 */
export function assertSalvageable(
  command: string,
  path: string,
  { salvage, ...sizes }: Assumed & { readonly salvage: boolean },
): void {
  if (salvage) {
    if (!isUrl(path)) return;
    throw new UsageError(`${command}: --salvage needs a FILE, not a URL: save it first`);
  }
  const given = Object.entries(sizes).find(([, size]) => size !== undefined);
  if (given !== undefined) throw new UsageError(`${command}: ${typed(given[0])} needs --salvage`);
}

/** The reasons in words. */
export const LOSS_REASONS: Readonly<Record<LossReason, string>> = {
  "cut-off": "behind the end of the file",
  "table": "its entry in the table of blocks is damaged or missing",
  "overlap": "two blocks have one place in the file",
  "bitmap": "the bitmap of its sectors is missing",
  "log": "the log, which cannot be replayed, may say otherwise",
  "parent": "in the parent",
};

/** So many ranges are shown to a person. */
const SHOWN_RANGES = 20;
/** So many findings. */
const SHOWN_FINDINGS = 20;

/** 1 if anything is lost, or may be older than it was. */
export function damageStatus({ isWhole }: DiskDamage): number {
  return isWhole ? 0 : FINDING_STATUS;
}

/** Finds out what is lost, with a progress bar. */
export async function damageOf(
  source: string,
  options: OpenOptions<"portable">,
  range: DamageOptions = {},
): Promise<DiskDamage> {
  using bar = new ProgressBar();
  using disk = await openVirtualDisk(source, {
    ...options,
    backend: "portable",
    damage: "tolerate",
  });
  return await disk.damage({ ...range, onProgress: bar.show });
}

/** Says on standard error what was lost of a source that has been read; gives the exit status. */
export async function tellDamage(
  source: string,
  options: OpenOptions<"portable">,
  report: Report,
): Promise<number> {
  const damage = await damageOf(source, options);
  // A program asks `salvage --json`.
  if (!report.json && !report.quiet) tellOnStandardError(source, damage);
  return damageStatus(damage);
}

/** Nothing is said of a disk that is whole. */
export function tellOnStandardError(source: string, damage: DiskDamage): void {
  if (damage.isWhole && damage.findings.length === 0) return;
  console.error(
    [`virtdisk: ${JSON.stringify(source)}: ${totalOf(damage)}`, ...describeDamage(damage)].join(
      "\n",
    ),
  );
}

/** In a few words. */
export function totalOf({ lostBytes, isWhole }: DiskDamage): string {
  if (lostBytes > 0) return `${formatBytes(lostBytes)} of the disk are lost`;
  return isWhole
    ? "nothing of the disk is lost"
    : "nothing is known to be lost, but not all is certain";
}

/** Partitions, ranges and findings, a line each. */
export function describeDamage(damage: DiskDamage): string[] {
  const { lostBytes, lostBytesByReason, partitions, findings } = damage;
  const reasons = Object.entries(lostBytesByReason) as [LossReason, number][];
  return [
    ...(lostBytes === 0 ? [] : partitions.map(ofPartition)),
    ...reasons.map(([reason, bytes]) => `  ${formatBytes(bytes)}: ${LOSS_REASONS[reason]}`),
    ...rangesOf(damage),
    ...describeFindings(findings),
  ];
}

/** What is wrong with the files, a line each. */
export function describeFindings(findings: readonly DamageFinding[]): string[] {
  return listed("found", findings, ofFinding, SHOWN_FINDINGS, "findings");
}

function ofPartition({ partition, length, lostBytes }: PartitionDamage): string {
  const place = partition === undefined ? "the whole disk" : `partition ${partition}`;
  const lost = lostBytes === 0 ? "nothing is lost" : `${formatBytes(lostBytes)} are lost`;
  return `  ${place}, ${roundBytes(length)}: ${lost}`;
}

function rangesOf({ lostRanges, leftOut }: DiskDamage): string[] {
  const lines = listed(
    "lost",
    lostRanges,
    ({ offset, length, reason }) => `${offset} ${length} ${reason}`,
    SHOWN_RANGES,
    "ranges",
    leftOut,
  );
  return lines;
}

function ofFinding({ structure, offset, found, expected, consequence }: DamageFinding): string {
  return `${structure} at ${groupedDigits(offset)}: ${found}; expected ${expected}. ${consequence}`;
}

function listed<T>(
  title: string,
  all: readonly T[],
  text: (each: T) => string,
  most: number,
  noun: string,
  leftOut = 0,
): string[] {
  if (all.length === 0) return [];
  const more = all.length + leftOut - most;
  return [
    `  ${title}:`,
    ...all.slice(0, most).map((each) => `    ${text(each)}`),
    ...(more > 0 ? [`    and ${counted(more, noun.slice(0, -1))} more, which --json tells`] : []),
  ];
}
