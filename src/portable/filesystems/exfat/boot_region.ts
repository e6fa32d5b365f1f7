/**
 * The boot region of an exFAT volume: where its parts are, and in what state it was left.
 *
 * Source here and in the other files of this room: Microsoft, "exFAT file system specification", revision 1.00.
 *
 * @module
 */
import { raw, u16, u32, u64, u8 } from "../../../bytes/codec.ts";
import { isEqual } from "../../../bytes/equal.ts";
import { layout, signature } from "../../../bytes/layout.ts";
import { firstNonZero } from "../../../bytes/zeros.ts";
import { CHECK_ADVICE, Refusal, type Volume } from "../file_system.ts";

const SECTOR_LENGTH = 512;
const BOOT_SECTOR = layout("main boot sector", { size: SECTOR_LENGTH, endian: "little" }, {
  jump: [0, signature("\xeb\x76\x90")],
  name: [3, signature("EXFAT   ")],
  mustBeZero: [11, raw(53)],
  partitionOffset: [64, u64],
  volumeLength: [72, u64],
  fatOffset: [80, u32],
  fatLength: [84, u32],
  clusterHeapOffset: [88, u32],
  clusterCount: [92, u32],
  rootCluster: [96, u32],
  revision: [104, u16],
  volumeFlags: [106, u16],
  sectorShift: [108, u8],
  clusterShift: [109, u8],
  fatCount: [110, u8],
  percentInUse: [112, u8],
  end: [510, u16],
});
const END = 0xaa55;
/** What the checksum leaves out, for it changes all the time. */
const UNCHECKED = [106, 107, 112];
/** The fields that the backup has too, as far as they say where things are. */
const PLACES = BOOT_SECTOR.range("volumeLength", "rootCluster");
const SHIFTS = BOOT_SECTOR.range("sectorShift", "fatCount");

/** VolumeFlags. */
const FLAG = { activeFat: 1, volumeDirty: 2, mediaFailure: 4, clearToZero: 8 } as const;
const KNOWN_FLAGS = 15;

/** The first of these has the boot sector, the last one the checksum. */
const REGION_SECTORS = 12;
const MIN_FAT_OFFSET = 24;
const MAX_CLUSTER_COUNT = 2 ** 32 - 11;
const MAX_CLUSTER_SHIFT = 25;
/**
 * PercentInUse: the specification has 0xff for unknown. mkfs.exfat up to 1.2 writes 0, and neither it nor Linux
 * keeps it afterwards: 0 says nothing either.
 */
const UNKNOWN_PERCENTS = [0xff, 0];

/** The number of the first cluster; the two entries of the table before it hold something else. */
export const FIRST_CLUSTER = 2;

/** Where the parts of the volume are. Offsets and lengths are bytes; offsets count from its start. */
export interface ExfatLayout {
  readonly size: number;
  readonly clusterSize: number;
  readonly clusterCount: number;
  /** Where cluster {@linkcode FIRST_CLUSTER} begins. */
  readonly dataOffset: number;
  /** The table that counts. */
  readonly tableOffset: number;
  readonly rootCluster: number;
  /** TexFAT has two tables, and two maps. */
  readonly mapCount: number;
  /** How many percent of the clusters are used, if the volume says so. */
  readonly percentInUse: number | undefined;
}

/**
 * Reads the boot region.
 *
 * @returns `undefined` if it is none of exFAT.
 * @throws {Refusal} If its checksum does not hold, it contradicts itself, or says that the volume is not in order.
 */
export function readBootRegion(volume: Volume): ExfatLayout | undefined {
  if (volume.size < SECTOR_LENGTH) return undefined;
  const sector = volume.read(0, SECTOR_LENGTH);
  if (!BOOT_SECTOR.hasSignature(sector)) return undefined;
  const stored = BOOT_SECTOR.unpack(sector);
  const { sectorShift, clusterShift, fatCount, clusterCount } = stored;
  if (stored.end !== END || firstNonZero(stored.mustBeZero) !== undefined) {
    throw refusal("its boot sector is not as one must be");
  }
  if (sectorShift < 9 || sectorShift > 12 || clusterShift > MAX_CLUSTER_SHIFT - sectorShift) {
    throw refusal("its boot sector has no valid size of sectors and clusters");
  }
  const sectorSize = 2 ** sectorShift;
  assertChecksum(volume, sectorSize);
  if (stored.revision >> 8 !== 1) {
    throw refusal(`it has revision ${stored.revision >> 8}.${stored.revision & 0xff}, not 1.x`);
  }
  assertBackup(volume, sector, sectorSize);
  if (fatCount !== 1 && fatCount !== 2) {
    throw refusal(`it has ${fatCount} file allocation tables, not 1 or 2`);
  }
  const { volumeLength, fatOffset, fatLength, clusterHeapOffset, rootCluster } = stored;
  const size = volumeLength * sectorSize;
  if (!(size <= volume.size)) {
    throw refusal(`it says that it has ${volumeLength} sectors, more than there are`);
  }
  const isOrdered = fatOffset >= MIN_FAT_OFFSET &&
    fatOffset + fatLength * fatCount <= clusterHeapOffset &&
    clusterHeapOffset + clusterCount * 2 ** clusterShift <= volumeLength;
  if (!isOrdered) throw refusal("its parts do not lie one after the other within it");
  if (clusterCount < 1 || clusterCount > MAX_CLUSTER_COUNT) {
    throw refusal(`it has ${clusterCount} clusters`);
  }
  if (fatLength * sectorSize < (clusterCount + FIRST_CLUSTER) * 4) {
    throw refusal(`its file allocation table is too short for ${clusterCount} clusters`);
  }
  assertState(stored.volumeFlags, fatCount);
  const activeTable = (stored.volumeFlags & FLAG.activeFat) === 0 ? 0 : 1;
  return {
    size,
    clusterSize: sectorSize * 2 ** clusterShift,
    clusterCount,
    dataOffset: clusterHeapOffset * sectorSize,
    tableOffset: (fatOffset + activeTable * fatLength) * sectorSize,
    rootCluster,
    mapCount: fatCount,
    percentInUse: UNKNOWN_PERCENTS.includes(stored.percentInUse) ? undefined : stored.percentInUse,
  };
}

/** 3.4: the last sector of the region repeats the checksum of the others. */
function assertChecksum(volume: Volume, sectorSize: number): void {
  const length = (REGION_SECTORS - 1) * sectorSize;
  if (volume.size < 2 * REGION_SECTORS * sectorSize) {
    throw refusal("it is too small for its boot regions");
  }
  const region = volume.read(0, length);
  let sum = 0;
  for (let i = 0; i < length; i++) {
    if (UNCHECKED.includes(i)) continue;
    sum = ((sum << 31 | sum >>> 1) + region[i]!) >>> 0;
  }
  const expected = new Uint8Array(sectorSize);
  for (let at = 0; at < sectorSize; at += 4) {
    u32.write(new DataView(expected.buffer), at, sum, true);
  }
  if (!isEqual(volume.read(length, sectorSize), expected)) {
    throw refusal("the checksum of its boot region does not hold");
  }
}

function assertBackup(volume: Volume, sector: Uint8Array, sectorSize: number): void {
  const backup = volume.read(REGION_SECTORS * sectorSize, SECTOR_LENGTH);
  for (const { offset, length } of [PLACES, SHIFTS]) {
    const part = (bytes: Uint8Array) => bytes.subarray(offset, offset + length);
    if (!isEqual(part(sector), part(backup))) {
      throw refusal("its boot region and the backup of that describe two different volumes");
    }
  }
}

function assertState(flags: number, fatCount: number): void {
  if ((flags & FLAG.volumeDirty) !== 0) {
    throw refusal(`it was not unmounted cleanly: it is marked as dirty; ${CHECK_ADVICE}`);
  }
  if ((flags & FLAG.mediaFailure) !== 0) {
    throw refusal(`there was an error of reading or writing: it is marked so; ${CHECK_ADVICE}`);
  }
  if ((flags & FLAG.clearToZero) !== 0) {
    throw refusal("it has a mark that must be cleared before anything is changed");
  }
  if ((flags & ~KNOWN_FLAGS) !== 0) {
    throw refusal(`it has flags that are not understood: 0x${flags.toString(16)}`);
  }
  if ((flags & FLAG.activeFat) !== 0 && fatCount < 2) {
    throw refusal("its active file allocation table does not exist");
  }
}

/** The refusal of such a volume. */
export function refusal(reason: string): Refusal {
  return new Refusal("exfat", reason);
}
