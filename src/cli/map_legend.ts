/**
 * What the kinds of bytes in a map are called, with which characters and colours they are drawn, and its totals in
 * words: the same in a terminal and in a file.
 *
 * @module
 */
import type { LossReason } from "../../portable.ts";
import { basename } from "../text/paths.ts";
import type { DiskMap, FileTotals, Kind, MapTotals, Section } from "./disk_map.ts";
import { counted, roundBytes, toTenths } from "../text/digits.ts";
import { LOSS_REASONS } from "./damage.ts";
import { partitionTypeName } from "./inspection.ts";

/** A line of the legend; there is one for each reason for which bytes are lost. */
export interface LegendRow {
  readonly kind: Kind;
  readonly name: string;
  readonly bytes: number;
  /** Of all that was looked at: `12.5 %`, in each row with as many decimals. */
  readonly share: string;
  /** How the file lies, if it is one; or why something is lost. */
  readonly note?: string;
}

/** The kinds that there are, in the order of the legend. */
export function legendRows(totals: MapTotals): LegendRow[] {
  const { files, length } = totals;
  const row = (kind: Kind, name: string, bytes: number, note?: string) => ({
    kind,
    name,
    bytes,
    ...(note === undefined ? {} : { note }),
  });
  const lost = Object.entries(totals.lostBytesByReason) as [LossReason, number][];
  const stored = files.map((file) => row(file.depth, fileName(file), file.bytes, noteOf(file)));
  const freeBytes = files.reduce((sum, file) => sum + file.freeBytes, 0);
  const all = [
    ...stored,
    row("free", "of this, free in the file system", freeBytes),
    ...lost.map(([reason, bytes]) => row("lost", `lost: ${reason}`, bytes, LOSS_REASONS[reason])),
    row("zero", "zeros, as the file says", totals.zeroBytes),
    row("trimmed", "trimmed", totals.trimmedBytes),
    row("unallocated", "never written", totals.unallocatedBytes),
    row("absent", "in a parent that is not open", totals.absentBytes),
  ];
  // The disk's own file is told of though it holds nothing.
  const rows = all.filter(({ kind, bytes }) => bytes > 0 || kind === 0);
  const shares = percents(rows.map(({ bytes }) => length === 0 ? 0 : bytes / length));
  return rows.map((each, i) => ({ ...each, share: shares[i]! }));
}

function fileName({ path, depth }: FileTotals): string {
  if (depth === 0) return `this file, ${shownName(path)}`;
  const level = depth === 1 ? "its parent" : `parent ${depth}`;
  return `${level}, ${shownName(path)}`;
}

/** Names come from whoever made the folder: characters that a terminal would obey are escaped. */
export function shownName(path: string): string {
  const name = basename(path);
  // deno-lint-ignore no-control-regex
  return /[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(name)
    ? JSON.stringify(name).replaceAll(
      /[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
      (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`,
    )
    : name;
}

function noteOf({ blocks, pieces, fragmentation }: FileTotals): string | undefined {
  if (pieces === 0) return undefined;
  const count = counted(pieces, "piece");
  if (blocks === undefined || fragmentation === undefined) return count;
  return `${counted(blocks, "block")} in ${count}, ${percent(fragmentation)} fragmented`;
}

/** Text with its middle left out if it is too long. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const kept = Math.max(0, width - 3);
  const end = Math.floor(kept / 2);
  return [text.slice(0, kept - end), "...", text.slice(text.length - end)]
    .map((each) => each.toWellFormed()).join("").slice(0, width);
}

/** `0 %`, `< 0.1 %`, `12.5 %`, `100 %`: what is there is never 0, what is missing never makes 100. */
export function percent(share: number): string {
  return percents([share])[0]!;
}

/** As {@linkcode percent}, of shares that stand under each other: all have a decimal, or none. */
export function percents(shares: readonly number[]): string[] {
  const values = shares.map((share) => share * 100);
  const isSpecial = (value: number) => value > 0 && value < 0.1 || value < 100 && value > 99.9;
  const hasDecimals = values.some((value) =>
    isSpecial(value) || !Number.isInteger(toTenths(value))
  );
  return values.map((value) => {
    if (isSpecial(value)) return value < 1 ? "< 0.1 %" : "> 99.9 %";
    return `${toTenths(value).toFixed(hasDecimals ? 1 : 0)} %`;
  });
}

/** `partition 1, EFI system, FAT32, 100 MiB at 1 MiB, 70 MiB free`; nothing for a disk that is one section. */
export function sectionTitle(map: DiskMap, section: Section): string | undefined {
  const { offset, end, partition, space } = section;
  const place = `${roundBytes(end - offset)} at ${roundBytes(offset)}`;
  const lostBytes = map.lostBytes(section);
  const lost = lostBytes === 0 ? "" : `, ${roundBytes(lostBytes)} lost`;
  if (partition === undefined) {
    const contents = contentsOf(section);
    if (map.sections.length > 1) return `no partition, ${place}${lost}`;
    return contents === undefined ? undefined : `the whole disk${contents}`;
  }
  const type = partitionTypeName(partition.type);
  const system = space?.fileSystem;
  const isSame = system !== undefined && type.toLowerCase().includes(system.toLowerCase());
  return `partition ${partition.number}, ${isSame ? "" : `${type}, `}${place}` +
    (contentsOf(section) ?? "") + lost;
}

/**
 * What a cell is.
 *
 * @param part What one looks like that is in files by less than half.
 * @param lost The same of one that is lost by less than half, if there may be any.
 */
export function cellText(map: DiskMap, part: string, lost: string): string {
  const { lostBytes } = map.totals;
  return `A cell is ${roundBytes(map.cellSize)}; ${part}${lostBytes === 0 ? "" : lost}.`;
}

function contentsOf({ space }: Section): string | undefined {
  if (space === undefined) return undefined;
  const { fileSystem, freeBytes, reason } = space;
  if (fileSystem === undefined && reason === undefined) return undefined;
  const name = fileSystem === undefined ? "" : `, ${fileSystem}`;
  if (freeBytes !== undefined) return `${name}, ${roundBytes(freeBytes)} free`;
  return `${name}, free space not known${reason === undefined ? "" : `: ${reason}`}`;
}

/** What is in files, of all that was looked at. */
export function storedText({ storedBytes, length }: MapTotals): string {
  const share = length === 0 ? 0 : storedBytes / length;
  return `${roundBytes(storedBytes)} of ${roundBytes(length)} (${percent(share)}) are in files`;
}
