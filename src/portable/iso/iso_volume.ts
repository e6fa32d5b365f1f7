/**
 * What is on an ISO image: its file systems, label and size, put together from all descriptors. None of
 * it is needed to read the disk, so nothing here is an error.
 *
 * @module
 */
import type { ByteSource } from "../file/byte_source.ts";
import type { IsoFileSystem, IsoVolume } from "../image/image.ts";
import {
  DESCRIPTOR_TYPE,
  type PrimaryDescriptor,
  readBootCatalogSector,
  readJolietLabel,
  readPrimaryDescriptor,
  SECTOR_SIZE,
  type VolumeDescriptor,
  volumeDescriptors,
} from "./iso9660.ts";
import { readUdfVolume } from "./udf.ts";

/** What the recognition area holds. */
interface Recognized {
  primary: PrimaryDescriptor | undefined;
  highSierra: PrimaryDescriptor | undefined;
  jolietLabel: string | undefined;
  bootCatalogSector: number | undefined;
  extendedArea: boolean;
  udf: boolean;
  iso13490: boolean;
}

/** Reads the descriptors of an image: a bounded number of sectors, no directories. */
export function describeVolume(source: ByteSource): IsoVolume {
  const found = recognize(source);
  const { primary, highSierra, jolietLabel, bootCatalogSector } = found;
  const udf = found.udf ? readUdfVolume(source) : undefined;
  const volumeSize = udf?.volumeSize ?? primary?.volumeSize ?? highSierra?.volumeSize;
  const warnings = [...primary?.warnings ?? [], ...highSierra?.warnings ?? []];
  if (found.udf && udf === undefined) warnings.push("no UDF anchor leads to a logical volume");
  if (volumeSize !== undefined && volumeSize > source.size) {
    warnings.push(
      `the volume has ${volumeSize} bytes, the file only ${source.size}: it is cut off`,
    );
  }
  const bootable = bootCatalogSector !== undefined &&
    (bootCatalogSector + 1) * SECTOR_SIZE <= source.size;
  if (bootCatalogSector !== undefined && !bootable) {
    warnings.push(`the boot catalog, sector ${bootCatalogSector}, lies beyond the end of the file`);
  }
  return {
    fileSystems: fileSystems(found),
    label: udf?.label || jolietLabel || primary?.label || highSierra?.label || undefined,
    volumeSize,
    udfRevision: udf?.revision,
    bootable,
    warnings,
  };
}

function recognize(source: ByteSource): Recognized {
  const found: Recognized = {
    primary: undefined,
    highSierra: undefined,
    jolietLabel: undefined,
    bootCatalogSector: undefined,
    extendedArea: false,
    udf: false,
    iso13490: false,
  };
  for (const descriptor of volumeDescriptors(source)) take(found, descriptor);
  return found;
}

/** Of several descriptors of a kind the first counts: the others are copies. */
function take(found: Recognized, descriptor: VolumeDescriptor): void {
  const isPrimary = descriptor.type === DESCRIPTOR_TYPE.PRIMARY;
  switch (descriptor.identifier) {
    case "CD001":
      if (isPrimary) found.primary ??= readPrimaryDescriptor(descriptor);
      found.jolietLabel ??= readJolietLabel(descriptor);
      found.bootCatalogSector ??= readBootCatalogSector(descriptor);
      break;
    case "CDROM":
      if (isPrimary) found.highSierra ??= readPrimaryDescriptor(descriptor);
      break;
    case "CDW02":
      found.iso13490 = true;
      break;
    case "BEA01":
      found.extendedArea = true;
      break;
    case "NSR02":
    case "NSR03":
      // Outside an extended area the descriptor has no meaning (ECMA-167 2/8.3.1).
      found.udf ||= found.extendedArea;
      break;
    case "BOOT2":
    case "TEA01":
      break;
  }
}

function fileSystems(found: Recognized): IsoFileSystem[] {
  const systems: IsoFileSystem[] = [];
  if (found.udf) systems.push("udf");
  // A reader of Joliet starts at the primary descriptor.
  if (found.primary && found.jolietLabel !== undefined) systems.push("joliet");
  if (found.primary) systems.push("iso9660");
  if (found.highSierra) systems.push("high-sierra");
  if (found.iso13490) systems.push("iso13490");
  return systems;
}
