/**
 * Where an ISO image ends by what its volume descriptors say.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import { EndlessSource, type PromisedEnd } from "../promised_end.ts";
import { describeVolume } from "./iso_volume.ts";
import { udfAnchors } from "./udf_anchor.ts";
import { FIRST_DESCRIPTOR_OFFSET, SECTOR_SIZE } from "./volume_descriptor.ts";

/**
 * Looks where the image should end.
 *
 * @param file Has a volume identifier in sector 16.
 */
export function promisedIsoEnd(file: ByteSource): PromisedEnd {
  const source = new EndlessSource(file);
  const { volumeSize, fileSystems } = describeVolume(source);
  const [anchor] = fileSystems.includes("udf") ? udfAnchors(source) : [];
  const end = Math.max(volumeSize ?? 0, anchor?.end ?? 0);
  return end === 0
    ? { end: FIRST_DESCRIPTOR_OFFSET + SECTOR_SIZE, isExact: false }
    : { end, isExact: true };
}
