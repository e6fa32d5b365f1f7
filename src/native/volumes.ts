/** The volumes of the machine, and where they are mounted. */
import type { AttachedVolume } from "../disk/attachment.ts";
import { decodeMultiString, decodeUtf16Z } from "../bytes/utf16.ts";
import { Device, type DeviceNumber, DISK_TYPE, type DiskExtent } from "./device.ts";
import type { Kernel32 } from "./kernel32.ts";
import { wideString } from "./wide_string.ts";

const INVALID_HANDLE_VALUE = 0xffffffffffffffffn;
/** UTF-16 units; a volume's name has 49. */
const NAME_LENGTH = 64;
/** UTF-16 units: a first guess, and more than the names of any volume. */
const USUAL_LENGTH = 1024;
const LARGEST_LENGTH = 1 << 20;
const UNIT_SIZE = 2;

/** A volume, and where on the disk that was asked about. */
export interface VolumeOnDisk extends AttachedVolume {
  /** None where it does not tell. */
  readonly extents: readonly DiskExtent[];
}

/** Bytes that a volume has on its disk; 0 where it does not tell. */
export function lengthOf({ extents }: VolumeOnDisk): number {
  return extents.reduce((sum, { length }) => sum + length, 0);
}

/** The volumes that are on a disk, altogether or in part. */
export function volumesOn(kernel32: Kernel32, target: DeviceNumber): VolumeOnDisk[] {
  return volumeNames(kernel32).map((guidPath) => placeOf(kernel32, guidPath, target))
    .filter((place) => typeof place !== "string");
}

/** Where the volumes of a disk are mounted, by the disk's device path. */
export function mountPointsOfDisk(kernel32: Kernel32, devicePath: string): string[] {
  using device = Device.open(kernel32, devicePath);
  const number = device?.deviceNumber;
  if (number === undefined) return [];
  return volumesOn(kernel32, number).flatMap(({ mountPoints }) => mountPoints);
}

/** The names of all volumes of the machine. */
export function volumeNames(kernel32: Kernel32): string[] {
  const buffer = new Uint8Array(NAME_LENGTH * UNIT_SIZE);
  const search = kernel32.FindFirstVolumeW(buffer, NAME_LENGTH);
  if (search === INVALID_HANDLE_VALUE) return [];
  const names: string[] = [];
  try {
    do names.push(decodeUtf16Z(buffer)); while (
      kernel32.FindNextVolumeW(search, buffer, NAME_LENGTH) !== 0
    );
  } finally {
    kernel32.FindVolumeClose(search);
  }
  return names;
}

/** The part of a volume that is on the target; or that it is on other disks, or that it does not tell. */
export function placeOf(
  kernel32: Kernel32,
  guidPath: string,
  target: DeviceNumber,
): VolumeOnDisk | "elsewhere" | "unknown" {
  // With its last backslash the name would mean the root folder.
  using volume = Device.open(kernel32, guidPath.slice(0, -1));
  if (volume === undefined) return "unknown";
  const all = target.type === DISK_TYPE ? volume.diskExtents : [];
  const extents = all.filter(({ disk }) => disk === target.number);
  const own = volume.deviceNumber;
  const isOwn = extents.length > 0 || own?.type === target.type && own.number === target.number;
  if (isOwn) return { guidPath, mountPoints: mountPointsOf(kernel32, guidPath), extents };
  return all.length > 0 || own !== undefined ? "elsewhere" : "unknown";
}

/** A volume may be gone again: then it is mounted nowhere. */
function mountPointsOf(kernel32: Kernel32, guidPath: string): string[] {
  const name = wideString(guidPath);
  for (let length = USUAL_LENGTH; length <= LARGEST_LENGTH;) {
    const buffer = new Uint8Array(length * UNIT_SIZE);
    const needed = new Uint32Array(1);
    if (kernel32.GetVolumePathNamesForVolumeNameW(name, buffer, length, needed) !== 0) {
      return decodeMultiString(buffer);
    }
    if (needed[0]! <= length) break;
    length = needed[0]!;
  }
  return [];
}
