/**
 * The two kinds of descriptor that accompany a primary one: Joliet's, with a Unicode label, and El
 * Torito's boot record.
 *
 * @module
 */
import { hasSignature, viewOf } from "../byte_source.ts";
import { jolietLabel } from "./label_text.ts";
import { DESCRIPTOR_TYPE, type VolumeDescriptor } from "./volume_descriptor.ts";

const ESCAPE_SEQUENCES = 88;
/** UCS-2 at levels 1, 2 and 3 (Joliet specification, "SVD Escape Sequences field"). */
const JOLIET_ESCAPES = ["%/@", "%/C", "%/E"];
/** Version 2 of a supplementary descriptor is the enhanced one of ISO 9660:1999, in bytes. */
const SUPPLEMENTARY_VERSION = 1;
const VOLUME_IDENTIFIER = { offset: 40, length: 32 };
const BOOT_SYSTEM_IDENTIFIER = 7;
const BOOT_CATALOG_SECTOR = 71;

/** The label of a Joliet descriptor, which may be empty; `undefined` for any other descriptor. */
export function readJolietLabel(descriptor: VolumeDescriptor): string | undefined {
  const { identifier, type, version, bytes } = descriptor;
  const supplementary = identifier === "CD001" && type === DESCRIPTOR_TYPE.SUPPLEMENTARY &&
    version === SUPPLEMENTARY_VERSION;
  if (!supplementary) return undefined;
  if (!JOLIET_ESCAPES.some((escape) => hasSignature(bytes, ESCAPE_SEQUENCES, escape))) {
    return undefined;
  }
  const { offset, length } = VOLUME_IDENTIFIER;
  return jolietLabel(bytes.subarray(offset, offset + length));
}

/** The sector of the boot catalog, where the descriptor is El Torito's boot record. */
export function readBootCatalogSector(descriptor: VolumeDescriptor): number | undefined {
  const { identifier, type, bytes } = descriptor;
  if (identifier !== "CD001" || type !== DESCRIPTOR_TYPE.BOOT_RECORD) return undefined;
  if (!hasSignature(bytes, BOOT_SYSTEM_IDENTIFIER, "EL TORITO SPECIFICATION\0")) return undefined;
  return viewOf(bytes).getUint32(BOOT_CATALOG_SECTOR, true);
}
