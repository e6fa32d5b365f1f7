/**
 * The master boot record: four partitions, of which extended ones hold a chain of further records. All
 * numbers are little-endian, and sectors are those of the disk.
 *
 * @module
 */
import { array, u32, u8 } from "../../bytes/codec.ts";
import { layout, signature } from "../../bytes/layout.ts";
import { endOf, type Partition, type PartitionedDisk } from "./partitioned_disk.ts";

/** An entry. */
export const MBR_ENTRY = layout("partition", { size: 16, endian: "little" }, {
  /** 0 or 0x80. */
  status: [0, u8],
  /** 0: not in use. */
  type: [4, u8],
  firstSector: [8, u32],
  sectorCount: [12, u32],
});
/** A record: what stands in a sector of 512 bytes, or at the start of a larger one. */
export const MBR = layout("master boot record", { size: 512, endian: "little" }, {
  entries: [446, array(MBR_ENTRY, 4)],
  signature: [510, signature("\x55\xaa")],
});
/** The type of the entry that keeps programs that know no GPT off the disk. */
export const PROTECTIVE_TYPE = 0xee;

const ACTIVE = 0x80;
const EXTENDED_TYPES: readonly number[] = [0x05, 0x0f, 0x85];
/** The number of the first logical partition. */
const FIRST_LOGICAL = 5;
/** More than any system numbers; a longer chain is taken for a loop. */
const MAX_LOGICAL = 256;

/** What the record says. */
export interface MbrTable {
  /** Whether it stands before a GPT, which is the table then. */
  readonly isProtective: boolean;
  /** Those that hold data: primary and logical ones; none where the GPT says. */
  readonly partitions: readonly Partition[];
  /**
   * Where the last partition ends, in bytes, extended ones included. Before a GPT, what a hybrid record
   * names for systems that know none.
   */
  readonly end: number;
}

/** An entry in use. */
interface Entry {
  readonly index: number;
  readonly type: number;
  /** In sectors, from whatever the record counts from. */
  readonly first: number;
  readonly count: number;
}

/** Reads the table; `undefined` where there is none, or one that breaks a rule. */
export function readMbr(disk: PartitionedDisk): MbrTable | undefined {
  const entries = readEntries(disk, 0);
  if (entries === undefined) return undefined;
  if (entries.some(({ type }) => type === PROTECTIVE_TYPE)) {
    return { isProtective: true, partitions: [], end: hybridEnd(disk, entries) };
  }
  const partitions: Partition[] = [];
  const extended: Partition[] = [];
  for (const entry of entries) {
    const partition = partitionOf(disk, entry, entry.index + 1, 0);
    if (partition === undefined) return undefined;
    if (!EXTENDED_TYPES.includes(entry.type)) {
      partitions.push(partition);
      continue;
    }
    extended.push(partition);
    const logical = readLogical(disk, partition);
    if (logical === undefined) return undefined;
    partitions.push(...logical);
  }
  return { isProtective: false, partitions, end: endOf([...partitions, ...extended]) };
}

/** At most the end of the disk: nothing of it is safe to cut where an entry goes beyond. */
function hybridEnd({ size, sectorSize }: PartitionedDisk, entries: readonly Entry[]): number {
  const ends = entries.filter(({ type }) => type !== PROTECTIVE_TYPE)
    .map(({ first, count }) => Math.min(size, (first + count) * sectorSize));
  return Math.max(0, ...ends);
}

/**
 * The chain in an extended partition. Each of its records has an entry for a partition, counted from the
 * record, and one for the next record, counted from the start of the extended partition.
 */
function readLogical(disk: PartitionedDisk, extended: Partition): Partition[] | undefined {
  const start = extended.offset / disk.sectorSize;
  const partitions: Partition[] = [];
  const seen = new Set<number>();
  for (let record: number | undefined = start; record !== undefined;) {
    if (seen.has(record) || seen.size >= MAX_LOGICAL) return undefined;
    seen.add(record);
    const entries = readEntries(disk, record);
    if (entries === undefined) return undefined;
    const used = entries.find(({ type }) => !EXTENDED_TYPES.includes(type));
    if (used !== undefined) {
      const partition = partitionOf(disk, used, FIRST_LOGICAL + partitions.length, record);
      if (partition === undefined) return undefined;
      partitions.push(partition);
    }
    const next = entries.find(({ type }) => EXTENDED_TYPES.includes(type));
    record = next && start + next.first;
  }
  return partitions;
}

/** The entries in use of the record at a sector; `undefined` where there is no record. */
function readEntries(disk: PartitionedDisk, sector: number): Entry[] | undefined {
  const offset = sector * disk.sectorSize;
  if (offset + disk.sectorSize > disk.size) return undefined;
  const record = disk.read(offset, disk.sectorSize);
  if (!MBR.hasSignature(record)) return undefined;
  const entries: Entry[] = [];
  for (const [index, entry] of MBR.unpack(record).entries.entries()) {
    const { status, type, firstSector: first, sectorCount: count } = entry;
    // The boot sectors of file systems have the same signature, and code where the entries would be.
    if (status !== 0 && status !== ACTIVE) return undefined;
    if (type !== 0 && count > 0) entries.push({ index, type, first, count });
  }
  return entries;
}

/** `undefined` where it does not lie within the disk, behind the record that names it. */
function partitionOf(
  { size, sectorSize }: PartitionedDisk,
  { type, first, count }: Entry,
  number: number,
  base: number,
): Partition | undefined {
  const offset = (base + first) * sectorSize;
  const length = count * sectorSize;
  if (first === 0 || offset + length > size) return undefined;
  return { number, offset, length, type: `0x${type.toString(16).padStart(2, "0")}` };
}
