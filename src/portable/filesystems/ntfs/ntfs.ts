/**
 * NTFS: which clusters are free.
 *
 * @module
 */
import { u16, u8 } from "../../../bytes/codec.ts";
import { isEqual } from "../../../bytes/equal.ts";
import { layout } from "../../../bytes/layout.ts";
import type { FileSystemReader, FreeRange } from "../file_system.ts";
import { foreignSignature } from "../foreign_signature.ts";
import { allocationMap, verifyFilesAllocated } from "./allocation.ts";
import { readBootSector, refusal } from "./boot_sector.ts";
import { verifyAwake } from "./hibernation.ts";
import { inUse, verifyLogClean } from "./log_file.ts";
import { MasterFileTable, RECORD } from "./mft.ts";
import { parseRecord, TYPE } from "./records.ts";
import type { Stream } from "./runs.ts";
import { assertNoShadowCopies } from "./shadow_copies.ts";

const VOLUME_INFORMATION = layout("volume information", { size: 12, endian: "little" }, {
  majorVersion: [8, u8],
  minorVersion: [9, u8],
  flags: [10, u16],
});
const IS_DIRTY = 0x0001;
/** Records that have a copy. */
const MIRRORED_RECORDS = 4;

/** The reader. */
export const readNtfs: FileSystemReader = (volume) => {
  const geometry = readBootSector(volume);
  if (geometry === undefined) return undefined;
  const { clusterSize, size } = geometry;
  const foreign = foreignSignature(volume);
  if (foreign !== undefined) throw refusal(`it also looks like ${foreign}`);
  const table = new MasterFileTable(volume, geometry);
  assertMirrored(table);
  assertVolumeClean(table);
  assertNoShadowCopies(volume);
  const log = streamOf(table, RECORD.log, "$LogFile");
  const bitmap = streamOf(table, RECORD.bitmap, "$Bitmap");

  function* freeRanges(): Generator<readonly FreeRange[]> {
    const allocation = allocationMap(bitmap, geometry!);
    for (const _ of verifyLogClean(log)) yield [];
    for (const _ of verifyAwake(table)) yield [];
    for (const _ of verifyFilesAllocated(table, allocation)) yield [];
    yield* allocation.freeRanges();
  }
  return { name: "ntfs", blockSize: clusterSize, size, freeRanges };
};

/** The first records of the table are there twice. */
function assertMirrored(table: MasterFileTable): void {
  const { geometry } = table;
  const { recordSize, mirrorCluster, clusterSize, size } = geometry;
  const start = mirrorCluster * clusterSize;
  if (start + MIRRORED_RECORDS * recordSize > size) {
    throw refusal("$MFTMirr does not lie within it");
  }
  const mirror = streamOf(table, RECORD.mirror, "$MFTMirr");
  if (mirror.runs[0]?.lcn !== mirrorCluster) {
    throw refusal("$MFTMirr does not begin where the boot sector says");
  }
  if (mirror.size < MIRRORED_RECORDS * recordSize) throw refusal("$MFTMirr is too short");
  for (let number = 0; number < MIRRORED_RECORDS; number++) {
    const record = table.record(number);
    const copy = parseRecord(mirror.read(number * recordSize, recordSize), number, geometry);
    const { start, end } = record.updateSequence;
    const isSame = copy.updateSequence.start === start &&
      isEqual(copy.bytes.subarray(0, start), record.bytes.subarray(0, start)) &&
      isEqual(copy.bytes.subarray(end), record.bytes.subarray(end));
    if (!isSame) throw refusal(`file record ${number} and its copy in $MFTMirr differ`);
  }
}

function assertVolumeClean(table: MasterFileTable): void {
  const contents = table.contents(table.record(RECORD.volume), TYPE.volumeInformation, "");
  if (contents?.kind !== "value" || !VOLUME_INFORMATION.fits(contents.value)) {
    throw refusal("$Volume does not say what state it is in");
  }
  const { majorVersion, minorVersion, flags } = VOLUME_INFORMATION.unpack(contents.value);
  if (majorVersion !== 3 || minorVersion > 1) {
    throw refusal(`it has version ${majorVersion}.${minorVersion}, not 3.0 or 3.1`);
  }
  if ((flags & IS_DIRTY) !== 0) {
    throw refusal("it is marked as dirty: let Windows check it with chkdsk /f");
  }
  if (flags !== 0) {
    throw inUse(
      `something is left to be done with it: $Volume has the flags 0x${flags.toString(16)}`,
    );
  }
}

/** The stream of a file that the file system itself has; it is plain. */
function streamOf(table: MasterFileTable, number: number, name: string): Stream {
  const contents = table.contents(table.record(number), TYPE.data, "");
  if (contents?.kind !== "stream" || contents.flags !== 0) {
    throw refusal(`${name} has no stream that could be read`);
  }
  if (contents.stream.runs.some(({ lcn }) => lcn === undefined)) throw refusal(`${name} has a gap`);
  return contents.stream;
}
