/**
 * The boot sector of an NTFS volume.
 *
 * Sources here and in the other files of this room: the documentation of the Linux-NTFS project (concepts, files
 * and attributes of NTFS); the devnotes of Microsoft on ATTRIBUTE_RECORD_HEADER, FILE_RECORD_SEGMENT_HEADER,
 * ATTRIBUTE_LIST_ENTRY and MULTI_SECTOR_HEADER; the asciidoc of libfsntfs.
 *
 * @module
 */
import { i8, u16, u64, u8 } from "../../../bytes/codec.ts";
import { layout, signature } from "../../../bytes/layout.ts";
import { Refusal, type Volume } from "../file_system.ts";

const SECTOR_LENGTH = 512;
const BOOT_SECTOR = layout("boot sector", { size: SECTOR_LENGTH, endian: "little" }, {
  name: [3, signature("NTFS    ")],
  sectorSize: [11, u16],
  sectorsPerCluster: [13, u8],
  // These are what FAT has there: NTFS keeps them zero.
  reservedSectors: [14, u16],
  tableCount: [16, u8],
  totalSectors: [40, u64],
  mftCluster: [48, u64],
  mirrorCluster: [56, u64],
  recordSize: [64, i8],
  indexSize: [68, i8],
  end: [510, u16],
});
const END = 0xaa55;

/** Windows 10 and later make clusters up to this size. */
const MAX_CLUSTER_SIZE = 2 ** 21;
/** Numbers of clusters have 32 bits in every implementation. */
const MAX_CLUSTER_COUNT = 2 ** 32 - 1;
const RECORD_SIZES = [1024, 2048, 4096];
const INDEX_SIZES = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];

/** What the boot sector says. Sizes are bytes. */
export interface NtfsGeometry {
  readonly clusterSize: number;
  readonly clusterCount: number;
  /** Of the sectors that the volume counts as its own. */
  readonly size: number;
  readonly recordSize: number;
  readonly mftCluster: number;
  readonly mirrorCluster: number;
}

/**
 * Reads the boot sector.
 *
 * @returns `undefined` if it is none of NTFS: BitLocker and ReFS have other names there.
 * @throws {Refusal} If it contradicts itself.
 */
export function readBootSector(volume: Volume): NtfsGeometry | undefined {
  if (volume.size < SECTOR_LENGTH) return undefined;
  const bytes = volume.read(0, SECTOR_LENGTH);
  if (!BOOT_SECTOR.hasSignature(bytes)) return undefined;
  const { sectorSize, sectorsPerCluster, totalSectors, mftCluster, mirrorCluster, ...rest } =
    BOOT_SECTOR.unpack(bytes);
  if (rest.end !== END) throw refusal("its boot sector does not end as one does");
  if (rest.reservedSectors !== 0 || rest.tableCount !== 0) {
    throw refusal("its boot sector has fields of FAT");
  }
  if (![512, 1024, 2048, 4096].includes(sectorSize)) {
    throw refusal(`it has sectors of ${sectorSize} bytes`);
  }
  // More than 128 are an exponent, negated.
  const perCluster = sectorsPerCluster > 128 ? 2 ** (256 - sectorsPerCluster) : sectorsPerCluster;
  const clusterSize = perCluster * sectorSize;
  const isPower = perCluster > 0 && Number.isInteger(Math.log2(perCluster));
  if (!isPower || clusterSize > MAX_CLUSTER_SIZE) {
    throw refusal(`it has ${perCluster} sectors to a cluster`);
  }
  const size = totalSectors * sectorSize;
  if (!(size <= volume.size)) {
    throw refusal(`it says that it has ${totalSectors} sectors, more than there are`);
  }
  const clusterCount = Math.floor(totalSectors / perCluster);
  if (clusterCount < 1 || clusterCount > MAX_CLUSTER_COUNT) {
    throw refusal(`it has ${clusterCount} clusters`);
  }
  const recordSize = sizeOf(rest.recordSize, clusterSize);
  if (!RECORD_SIZES.includes(recordSize)) {
    throw refusal(`it has file records of ${recordSize} bytes`);
  }
  if (!INDEX_SIZES.includes(sizeOf(rest.indexSize, clusterSize))) {
    throw refusal("its boot sector has no valid size of index records");
  }
  if (mftCluster >= clusterCount || mirrorCluster >= clusterCount) {
    throw refusal("its master file table does not lie within it");
  }
  return { clusterSize, clusterCount, size, recordSize, mftCluster, mirrorCluster };
}

/** A number of clusters, or the exponent of a number of bytes, negated. */
function sizeOf(field: number, clusterSize: number): number {
  return field < 0 ? 2 ** -field : field * clusterSize;
}

/** The refusal of such a volume. */
export function refusal(reason: string): Refusal {
  return new Refusal("ntfs", reason);
}
