/**
 * The boot sector of a FAT volume: where its parts are, and what it says of its state.
 *
 * Source: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03 (fatgen103); the words BPB_*, BS_*
 * and FSI_* in comments are its names of fields.
 *
 * @module
 */
import { raw, u16, u32, u8 } from "../../../bytes/codec.ts";
import { isEqual } from "../../../bytes/equal.ts";
import { layout, signature } from "../../../bytes/layout.ts";
import { CHECK_ADVICE, Refusal, type Volume } from "../file_system.ts";

/** How wide the entries of the table are. */
export type FatName = "fat12" | "fat16" | "fat32";

/** Where the parts of a FAT volume are. Offsets and lengths are bytes; offsets count from its start. */
export interface FatLayout {
  readonly name: FatName;
  readonly clusterSize: number;
  /** How many clusters there are; their numbers begin at {@linkcode FIRST_CLUSTER}. */
  readonly clusterCount: number;
  /** Where cluster {@linkcode FIRST_CLUSTER} begins. */
  readonly dataOffset: number;
  readonly size: number;
  /** The copies of the table that count: all of them, or the active one if they are not kept equal. */
  readonly tables: readonly number[];
  /** FAT12 and FAT16: a directory at a place of its own. */
  readonly root: { readonly offset: number; readonly length: number } | undefined;
  /** FAT32: the first cluster of the root directory. */
  readonly rootCluster: number | undefined;
  /** FAT32: how many clusters are free, if the volume says so. */
  readonly statedFree: number | undefined;
}

/** The number of the first cluster; the two entries of the table before it hold something else. */
export const FIRST_CLUSTER = 2;

/** Bytes of the boot sector and of FSInfo that have a meaning, however long a sector is. */
const SECTOR_LENGTH = 512;
const DIRECTORY_ENTRY_LENGTH = 32;
/** The type depends on the number of clusters and on nothing else (fatgen103, "FAT Type Determination"). */
const MIN_FAT16_CLUSTERS = 4085;
const MIN_FAT32_CLUSTERS = 65525;
/** Numbers from 0x0FFFFFF7 on mean something else. */
const MAX_FAT32_CLUSTERS = 0x0ffffff5;

/** What all types have. */
const BOOT_SECTOR = layout("boot sector", { size: SECTOR_LENGTH, endian: "little" }, {
  sectorSize: [11, u16],
  sectorsPerCluster: [13, u8],
  reservedSectors: [14, u16],
  tableCount: [16, u8],
  rootEntries: [17, u16],
  totalSectors16: [19, u16],
  media: [21, u8],
  tableSectors16: [22, u16],
  totalSectors32: [32, u32],
  end: [510, u16],
});
const SHORT_TAIL = layout("boot sector", { size: SECTOR_LENGTH, endian: "little" }, {
  state: [37, u8],
  type: [54, raw(8)],
});
/** What FAT32 has from there on. */
const LONG_TAIL = layout("boot sector", { size: SECTOR_LENGTH, endian: "little" }, {
  tableSectors32: [36, u32],
  extFlags: [40, u16],
  version: [42, u16],
  rootCluster: [44, u32],
  infoSector: [48, u16],
  backupSector: [50, u16],
  state: [65, u8],
  type: [82, raw(8)],
});
/** The parameters, which the backup of the boot sector has too: the state behind them may be newer. */
const BPB = { start: BOOT_SECTOR.at.sectorSize, end: 64 } as const;
const END = 0xaa55;

/** BS_Reserved1, as Windows and Linux use it (dosfstools' manual and its issue 38). */
const STATE_DIRTY = 0x01;
const STATE_SURFACE_TEST = 0x02;

/** BPB_ExtFlags. */
const IS_NOT_MIRRORED = 0x80;
const ACTIVE_TABLE = 0x0f;

const INFO = layout("FSInfo", { size: SECTOR_LENGTH, endian: "little" }, {
  lead: [0, signature("RRaA")],
  structure: [484, signature("rrAa")],
  freeCount: [488, u32],
  trail: [508, signature("\0\0\x55\xaa")],
});
const UNKNOWN_FREE_COUNT = 0xffffffff;
const NO_SECTORS = [0, 0xffff];

/** The parameters, of a boot sector that can only be one of FAT. */
interface Parameters {
  readonly sector: Uint8Array;
  readonly sectorSize: number;
  readonly sectorsPerCluster: number;
  readonly reservedSectors: number;
  readonly tableCount: number;
  readonly rootEntries: number;
  readonly totalSectors: number;
  readonly tableSectors: number;
  /** Whether it has the fields of FAT32. */
  readonly isLong: boolean;
}

/**
 * Reads the boot sector, and what belongs to it.
 *
 * @returns `undefined` if it is none of FAT.
 * @throws {Refusal} If it contradicts itself, or says that the volume was not left in order.
 */
export function readFatLayout(volume: Volume): FatLayout | undefined {
  const parameters = readParameters(volume);
  if (parameters === undefined) return undefined;
  const { sectorSize, sectorsPerCluster, reservedSectors, tableCount, tableSectors } = parameters;
  const rootLength = parameters.rootEntries * DIRECTORY_ENTRY_LENGTH;
  const rootSector = reservedSectors + tableCount * tableSectors;
  const dataSector = rootSector + Math.ceil(rootLength / sectorSize);
  const clusterCount = Math.floor((parameters.totalSectors - dataSector) / sectorsPerCluster);
  const name = nameFor(clusterCount);
  const refuse = refusal(parameters.isLong ? "fat32" : name);
  if (clusterCount < 1) throw refuse("it has no room for a cluster");
  if (parameters.isLong !== (name === "fat32")) {
    throw refuse(
      `it is laid out as ${parameters.isLong ? "FAT32" : "FAT12 or FAT16"} is, but its ` +
        `${clusterCount} clusters make it ${name.toUpperCase()}`,
    );
  }
  const size = parameters.totalSectors * sectorSize;
  if (size > volume.size) {
    throw refuse(`it says that it has ${size} bytes, but there are ${volume.size}`);
  }
  assertNamed(parameters, name);
  assertTableLength(name, clusterCount, tableSectors * sectorSize);
  assertStateClean(parameters, name);
  const tables = Array.from(
    { length: tableCount },
    (_, i) => (reservedSectors + i * tableSectors) * sectorSize,
  );
  const common = {
    name,
    clusterSize: sectorsPerCluster * sectorSize,
    clusterCount,
    dataOffset: dataSector * sectorSize,
    size,
  };
  if (name !== "fat32") {
    const root = { offset: rootSector * sectorSize, length: rootLength };
    return { ...common, tables, root, rootCluster: undefined, statedFree: undefined };
  }
  return { ...common, root: undefined, ...readLongFields(volume, parameters, tables) };
}

/** Nothing but FAT has all of these: the words of the boot sector that cannot be otherwise. */
function readParameters(volume: Volume): Parameters | undefined {
  if (volume.size < SECTOR_LENGTH) return undefined;
  const sector = volume.read(0, SECTOR_LENGTH);
  const isJump = sector[0] === 0xeb && sector[2] === 0x90 || sector[0] === 0xe9;
  const stored = BOOT_SECTOR.unpack(sector);
  const { sectorSize, sectorsPerCluster, reservedSectors, tableCount, rootEntries } = stored;
  if (!isJump || stored.end !== END) return undefined;
  if (![512, 1024, 2048, 4096].includes(sectorSize)) return undefined;
  if (sectorsPerCluster === 0 || (sectorsPerCluster & (sectorsPerCluster - 1)) !== 0) {
    return undefined;
  }
  if (reservedSectors === 0 || tableCount === 0) return undefined;
  if (stored.media !== 0xf0 && stored.media < 0xf8) return undefined;
  const isLong = stored.tableSectors16 === 0;
  const tableSectors = isLong ? LONG_TAIL.get(sector, "tableSectors32") : stored.tableSectors16;
  const totalSectors = stored.totalSectors16 === 0 ? stored.totalSectors32 : stored.totalSectors16;
  if (totalSectors === 0 || tableSectors === 0) return undefined;
  const refuse = refusal(isLong ? "fat32" : "fat16");
  if (tableCount > 2) throw refuse(`it has ${tableCount} file allocation tables, not 1 or 2`);
  if (stored.totalSectors32 !== 0 && stored.totalSectors32 !== totalSectors) {
    throw refuse("it has two sizes");
  }
  if (isLong !== (rootEntries === 0)) {
    throw refuse(
      `it has room for ${rootEntries} entries in a root directory that is ` +
        (isLong ? "elsewhere" : "at a place of its own"),
    );
  }
  return {
    sector,
    sectorSize,
    sectorsPerCluster,
    reservedSectors,
    tableCount,
    rootEntries,
    totalSectors,
    tableSectors,
    isLong,
  };
}

function nameFor(clusterCount: number): FatName {
  if (clusterCount < MIN_FAT16_CLUSTERS) return "fat12";
  return clusterCount < MIN_FAT32_CLUSTERS ? "fat16" : "fat32";
}

/** BS_FilSysType decides nothing, but a volume that names another type was not made by the rules above. */
function assertNamed({ sector, isLong }: Parameters, name: FatName): void {
  const type = (isLong ? LONG_TAIL : SHORT_TAIL).get(sector, "type");
  const stated = String.fromCharCode(...type).trimEnd().toLowerCase();
  if (["fat12", "fat16", "fat32"].includes(stated) && stated !== name) {
    throw new Refusal(
      name,
      `it calls itself ${stated.toUpperCase()}, but its clusters make it ${name.toUpperCase()}`,
    );
  }
}

/** Bits of an entry of the table. */
export const ENTRY_BITS = { fat12: 12, fat16: 16, fat32: 32 } as const;

function assertTableLength(name: FatName, clusterCount: number, length: number): void {
  if (name === "fat32" && clusterCount > MAX_FAT32_CLUSTERS) {
    throw new Refusal(name, `it has ${clusterCount} clusters, more than numbers for them`);
  }
  const needed = Math.ceil((clusterCount + FIRST_CLUSTER) * ENTRY_BITS[name] / 8);
  if (needed > length) {
    throw new Refusal(
      name,
      `its file allocation table has ${length} bytes, too few for ${clusterCount} clusters`,
    );
  }
}

function assertStateClean({ sector, isLong }: Parameters, name: FatName): void {
  const state = (isLong ? LONG_TAIL : SHORT_TAIL).get(sector, "state");
  if ((state & STATE_DIRTY) !== 0) {
    throw new Refusal(
      name,
      `it was not unmounted cleanly: its boot sector says so; ${CHECK_ADVICE}`,
    );
  }
  if ((state & STATE_SURFACE_TEST) !== 0) {
    throw new Refusal(
      name,
      "its boot sector asks for a test of the medium, after an error of reading or writing; " +
        CHECK_ADVICE,
    );
  }
}

function readLongFields(
  volume: Volume,
  { sector: bootSector, sectorSize, reservedSectors }: Parameters,
  tables: readonly number[],
): Pick<FatLayout, "tables" | "rootCluster" | "statedFree"> {
  const refuse = refusal("fat32");
  const { version, extFlags, rootCluster, backupSector, infoSector } = LONG_TAIL.unpack(bootSector);
  if (version !== 0) throw refuse(`it has version ${version >> 8}.${version & 0xff}, not 0.0`);
  const reserved = (sector: number, what: string): Uint8Array | undefined => {
    if (NO_SECTORS.includes(sector)) return undefined;
    if (sector >= reservedSectors) {
      throw refuse(`${what} is not among its reserved sectors: it is at sector ${sector}`);
    }
    return volume.read(sector * sectorSize, SECTOR_LENGTH);
  };
  const backup = reserved(backupSector, "the backup of its boot sector");
  const parameters = (sector: Uint8Array) => sector.subarray(BPB.start, BPB.end);
  if (backup !== undefined && !isEqual(parameters(bootSector), parameters(backup))) {
    throw refuse("its boot sector and the backup of that describe two different volumes");
  }
  let used = tables;
  if ((extFlags & IS_NOT_MIRRORED) !== 0) {
    const active = tables[extFlags & ACTIVE_TABLE];
    if (active === undefined) throw refuse("its active file allocation table does not exist");
    used = [active];
  }
  const info = reserved(infoSector, "its FSInfo");
  return {
    tables: used,
    rootCluster,
    statedFree: info === undefined ? undefined : freeCountOf(info),
  };
}

function freeCountOf(info: Uint8Array): number | undefined {
  if (!INFO.hasSignature(info)) {
    throw new Refusal("fat32", "its FSInfo does not have the signatures of one");
  }
  const count = INFO.get(info, "freeCount");
  return count === UNKNOWN_FREE_COUNT ? undefined : count;
}

function refusal(name: FatName): (reason: string) => Refusal {
  return (reason) => new Refusal(name, reason);
}
