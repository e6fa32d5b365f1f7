/**
 * Checks what an ISO image says of its volume.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import { IsoImage, openIso } from "../iso/iso_image.ts";
import { FIRST_DESCRIPTOR_OFFSET } from "../iso/volume_descriptor.ts";
import type { Findings } from "./findings.ts";

/** Checks a file that is taken for an ISO image: its length, identifier and descriptors. */
export function checkIso(file: ByteSource, findings: Findings): void {
  const image = findings.attempt(() => openIso(file)) ?? new IsoImage(file);
  const { volumeSize, warnings } = image.volume;
  for (const warning of warnings) {
    // That the file is cut off has been found, with how much of it.
    if (volumeSize !== undefined && volumeSize > file.size) continue;
    findings.add({
      severity: "info",
      structure: "volume descriptors",
      offset: FIRST_DESCRIPTOR_OFFSET,
      found: warning,
      expected: "descriptors that agree with each other and with the file",
    });
  }
}
