/**
 * Where an ISO image ends by what its volume descriptors say.
 *
 * @module
 */
import type { ByteSource } from "../file/byte_source.ts";
import { EndlessSource, type PromisedEnd } from "../file/promised_end.ts";
import { describeVolume } from "./iso_volume.ts";
import {
  DESCRIPTOR_TYPE,
  FIRST_DESCRIPTOR_OFFSET,
  readPrimaryDescriptor,
  SECTOR_SIZE,
  volumeDescriptors,
} from "./iso9660.ts";
import { hasEndAnchor, udfAnchors } from "./udf.ts";

/**
 * Looks where the image should end.
 *
 * @param file Has a volume identifier in sector 16.
 */
export function promisedIsoEnd(file: ByteSource): PromisedEnd {
  const source = new EndlessSource(file);
  const { volumeSize, fileSystems } = describeVolume(source);
  const [anchor] = fileSystems.includes("udf") ? udfAnchors(source) : [];
  // Of a disc with both, either may tell of more: what one leaves out may be the other's.
  const end = Math.max(volumeSize ?? 0, primarySize(source), anchor?.end ?? 0);
  // Behind its partition such a volume has another copy of its descriptors, and behind that an anchor.
  if (
    anchor !== undefined && anchor.end > (volumeSize ?? 0) &&
    !hasEndAnchor(file, anchor.sectorSize)
  ) {
    const { sectorSize } = anchor;
    const next = Math.max(Math.floor(file.size / sectorSize) * sectorSize, anchor.end) + sectorSize;
    if (next > end) return { end: next, isExact: false };
  }
  return end === 0
    ? { end: FIRST_DESCRIPTOR_OFFSET + SECTOR_SIZE, isExact: false }
    : { end, isExact: true };
}

function primarySize(source: ByteSource): number {
  for (const descriptor of volumeDescriptors(source)) {
    if (descriptor.identifier !== "CD001" || descriptor.type !== DESCRIPTOR_TYPE.PRIMARY) continue;
    return readPrimaryDescriptor(descriptor).volumeSize ?? 0;
  }
  return 0;
}
