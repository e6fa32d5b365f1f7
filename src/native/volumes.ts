/** The volumes of the machine, and where they are mounted. */
import type { AttachedVolume } from "../attachment.ts";
import { decodeMultiString, decodeUtf16Z } from "../bytes/utf16.ts";
import { Device, type DeviceNumber, DISK_TYPE } from "./device.ts";
import type { Kernel32 } from "./kernel32.ts";
import { wideString } from "./wide_string.ts";

const INVALID_HANDLE_VALUE = 0xffffffffffffffffn;
/** UTF-16 units; a volume's name has 49. */
const NAME_LENGTH = 64;
/** UTF-16 units: a first guess, and more than the names of any volume. */
const USUAL_LENGTH = 1024;
const LARGEST_LENGTH = 1 << 20;
const UNIT_SIZE = 2;

/** A volume and how much of it is on the disk that was asked about, in bytes; 0 where it does not tell. */
export interface VolumeOnDisk extends AttachedVolume {
  readonly length: number;
}

/** The volumes that are on a disk, altogether or in part. */
export function volumesOn(kernel32: Kernel32, target: DeviceNumber): VolumeOnDisk[] {
  const found: VolumeOnDisk[] = [];
  for (const guidPath of volumeNames(kernel32)) {
    const length = lengthOn(kernel32, guidPath, target);
    if (length === undefined) continue;
    found.push({ guidPath, mountPoints: mountPointsOf(kernel32, guidPath), length });
  }
  return found;
}

/** Where the volumes of a disk are mounted, by the disk's device path. */
export function mountPointsOfDisk(kernel32: Kernel32, devicePath: string): string[] {
  using device = Device.open(kernel32, devicePath);
  const number = device?.deviceNumber;
  if (number === undefined) return [];
  return volumesOn(kernel32, number).flatMap(({ mountPoints }) => mountPoints);
}

function volumeNames(kernel32: Kernel32): string[] {
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

/** How much of a volume is on the target; `undefined` for nothing. */
function lengthOn(
  kernel32: Kernel32,
  guidPath: string,
  target: DeviceNumber,
): number | undefined {
  // With its last backslash the name would mean the root folder.
  using volume = Device.open(kernel32, guidPath.slice(0, -1));
  if (volume === undefined) return undefined;
  const extents = target.type === DISK_TYPE
    ? volume.diskExtents.filter(({ disk }) => disk === target.number)
    : [];
  if (extents.length > 0) return extents.reduce((sum, { length }) => sum + length, 0);
  const own = volume.deviceNumber;
  return own?.type === target.type && own.number === target.number ? 0 : undefined;
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
