/**
 * Disks and volumes that are open: questions, and commands. The I/O manager compares the access bits of a control
 * code with the rights that its handle was opened with: FILE_ANY_ACCESS asks for none.
 *
 * @module
 */
import { readGuid } from "../bytes/guid.ts";
import { decodeMultiString, decodeUtf16, decodeUtf16Z } from "../bytes/utf16.ts";
import type { AttachedVolume } from "../disk/attachment.ts";
import type { CalledDisk } from "./call/disk_call.ts";
import {
  GENERIC_READ,
  GENERIC_WRITE,
  type Handle,
  INVALID_HANDLE_VALUE,
  NO_ACCESS,
  openExisting,
} from "./call/handle.ts";
import { sizedAnswer } from "./call/sized_answer.ts";
import type { Kernel32 } from "./ffi/kernel32.ts";
import { multiString, wideString } from "./ffi/text.ts";
import type { VirtDisk } from "./ffi/virtdisk.ts";

const FILE_SHARE_READ_WRITE = 3;

/** CTL_CODE(IOCTL_STORAGE_BASE, 0x420, METHOD_BUFFERED, FILE_ANY_ACCESS) of ntddstor.h. */
const IOCTL_STORAGE_GET_DEVICE_NUMBER = 0x2d1080;
/** CTL_CODE(IOCTL_VOLUME_BASE, 0, METHOD_BUFFERED, FILE_ANY_ACCESS) of ntddvol.h. */
const IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS = 0x560000;
/**
 * CTL_CODE(IOCTL_DISK_BASE, 0x14, METHOD_BUFFERED, FILE_ANY_ACCESS) of ntdddisk.h. Its page asks for read access
 * nevertheless, so the disk is opened with it whenever that is allowed.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/winioctl/ni-winioctl-ioctl_disk_get_drive_layout_ex}
 */
const IOCTL_DISK_GET_DRIVE_LAYOUT_EX = 0x70050;

/** CTL_CODE(IOCTL_DISK_BASE, 0x3c, METHOD_BUFFERED, FILE_ANY_ACCESS) of ntdddisk.h. */
const IOCTL_DISK_GET_DISK_ATTRIBUTES = 0x700f0;
/** CTL_CODE(FILE_DEVICE_FILE_SYSTEM, 6, METHOD_BUFFERED, FILE_ANY_ACCESS) of winioctl.h. */
const FSCTL_LOCK_VOLUME = 0x90018;
/** CTL_CODE(FILE_DEVICE_FILE_SYSTEM, 8, METHOD_BUFFERED, FILE_ANY_ACCESS) of winioctl.h. */
const FSCTL_DISMOUNT_VOLUME = 0x90020;

/** STORAGE_DEVICE_NUMBER. */
const DEVICE_NUMBER = { size: 12, type: 0, number: 4 } as const;
/** VOLUME_DISK_EXTENTS; a volume with more extents is one that spans several disks. */
const EXTENTS = { count: 0, first: 8, most: 64 } as const;
/** DISK_EXTENT. */
const EXTENT = { size: 24, disk: 0, start: 8, length: 16 } as const;
/** DRIVE_LAYOUT_INFORMATION_EX. */
const LAYOUT = { style: 0, count: 4, first: 48, most: 256 } as const;
/** PARTITION_STYLE. */
const STYLE = { mbr: 0, gpt: 1 } as const;
/** PARTITION_INFORMATION_EX; its type is a byte in an MBR and a GUID in a GPT. */
const PARTITION = { size: 144, start: 8, length: 16, type: 32 } as const;
/** GET_DISK_ATTRIBUTES. */
const ATTRIBUTES = { size: 16, attributes: 8 } as const;
const DISK_ATTRIBUTE_OFFLINE = 1n;

/**
 * Partitions of an MBR that get no volume: free places, extended partitions, the protective one of a GPT,
 * and those of the Logical Disk Manager, whose volumes lie as they like.
 */
const MBR_WITHOUT_VOLUME: readonly number[] = [0x00, 0x05, 0x0f, 0x42, 0xee];
/** The same of a GPT: free places, reserved, metadata and data of the Logical Disk Manager, and storage pools. */
const GPT_WITHOUT_VOLUME: readonly string[] = [
  "00000000-0000-0000-0000-000000000000",
  "e3c9e316-0b5c-4db8-817d-f92df00215ae",
  "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3",
  "af9b60a0-1431-4f62-bc68-3311714a69ad",
  "e75caf8f-f680-4cee-afa3-b001e56efc2d",
];

/** FILE_DEVICE_DISK of winioctl.h. */
export const DISK_TYPE = 7;

/** Which device of the machine something is on. */
export interface DeviceNumber {
  /** FILE_DEVICE_*: disks and CD-ROMs are counted apart. */
  readonly type: number;
  /** Counted from 0. */
  readonly number: number;
}

/** Bytes of a volume that lie on one disk. */
export interface DiskExtent {
  /** The disk's number. */
  readonly disk: number;
  /** Bytes from the disk's beginning. */
  readonly start: number;
  /** Bytes. */
  readonly length: number;
}

/** A partition for which a volume appears. */
export interface VolumePartition {
  /** Bytes from the disk's beginning. */
  readonly start: number;
  /** Bytes. */
  readonly length: number;
}

/** A disk or a volume that was opened to be asked. */
export class Device implements Disposable {
  readonly #kernel32: Kernel32;
  readonly #handle: Handle;

  private constructor(kernel32: Kernel32, handle: Handle) {
    this.#kernel32 = kernel32;
    this.#handle = handle;
  }

  /** Opens a volume, by its name without the last backslash, or a disk, with no right; `undefined` if it cannot be. */
  static open(kernel32: Kernel32, path: string): Device | undefined {
    return Device.#open(kernel32, path, NO_ACCESS);
  }

  /**
   * Opens `\\.\PhysicalDriveN` or `\\.\CDROMN`, for reading if that is allowed: to elevated programs. Others still
   * learn its number. `undefined` if it cannot be opened.
   */
  static openDisk(kernel32: Kernel32, path: string): Device | undefined {
    return Device.#open(kernel32, path, GENERIC_READ) ?? Device.#open(kernel32, path, NO_ACCESS);
  }

  /**
   * Opens a volume to lock it. One that can only be read has nothing to be flushed, and is opened for reading.
   * `undefined` if it cannot be opened.
   */
  static openToLock(kernel32: Kernel32, path: string): Device | undefined {
    return Device.#open(kernel32, path, GENERIC_READ + GENERIC_WRITE) ??
      Device.#open(kernel32, path, GENERIC_READ);
  }

  static #open(kernel32: Kernel32, path: string, access: number): Device | undefined {
    const handle = openExisting(kernel32, path, { access, share: FILE_SHARE_READ_WRITE });
    return handle && new Device(kernel32, handle);
  }

  /** Where it is; `undefined` of a volume that spans disks. */
  get deviceNumber(): DeviceNumber | undefined {
    const view = this.#ask(IOCTL_STORAGE_GET_DEVICE_NUMBER, DEVICE_NUMBER.size);
    return view && {
      type: view.getUint32(DEVICE_NUMBER.type, true),
      number: view.getUint32(DEVICE_NUMBER.number, true),
    };
  }

  /** The disks that a volume is on. */
  get diskExtents(): DiskExtent[] {
    const view = this.#ask(
      IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS,
      EXTENTS.first + EXTENTS.most * EXTENT.size,
    );
    if (view === undefined) return [];
    const count = Math.min(view.getUint32(EXTENTS.count, true), EXTENTS.most);
    return Array.from({ length: count }, (_, i) => EXTENTS.first + i * EXTENT.size)
      .map((offset) => ({
        disk: view.getUint32(offset + EXTENT.disk, true),
        start: Number(view.getBigInt64(offset + EXTENT.start, true)),
        length: Number(view.getBigInt64(offset + EXTENT.length, true)),
      }));
  }

  /** The partitions of a disk for which volumes appear; `undefined` where it does not tell. */
  get volumePartitions(): VolumePartition[] | undefined {
    const size = LAYOUT.first + LAYOUT.most * PARTITION.size;
    const view = this.#ask(IOCTL_DISK_GET_DRIVE_LAYOUT_EX, size);
    if (view === undefined) return undefined;
    const style = view.getUint32(LAYOUT.style, true);
    const count = Math.min(view.getUint32(LAYOUT.count, true), LAYOUT.most);
    return Array.from({ length: count }, (_, i) => LAYOUT.first + i * PARTITION.size)
      .filter((offset) => hasVolume(view, style, offset))
      .map((offset) => ({
        start: Number(view.getBigInt64(offset + PARTITION.start, true)),
        length: Number(view.getBigInt64(offset + PARTITION.length, true)),
      }));
  }

  /** Whether Windows keeps the disk offline, by policy or because of a twin: then it gets no volumes. */
  get isOffline(): boolean {
    const view = this.#ask(IOCTL_DISK_GET_DISK_ATTRIBUTES, ATTRIBUTES.size);
    if (view === undefined) return false;
    return (view.getBigUint64(ATTRIBUTES.attributes, true) & DISK_ATTRIBUTE_OFFLINE) !== 0n;
  }

  /** Has what was written to a volume written to the disk; needs write access. */
  flushSync(): void {
    this.#kernel32.FlushFileBuffers(this.#handle.value);
  }

  /** As {@linkcode flushSync}, on another thread. */
  async flush(): Promise<void> {
    await this.#kernel32.FlushFileBuffersAsync(this.#handle.value);
  }

  /** Locks a volume until this handle is closed; `false` where somebody uses it. */
  lock(): boolean {
    return this.#ask(FSCTL_LOCK_VOLUME, 0) !== undefined;
  }

  /** Dismounts a volume: whatever has it open has lost it. */
  dismount(): boolean {
    return this.#ask(FSCTL_DISMOUNT_VOLUME, 0) !== undefined;
  }

  #ask(question: number, size: number): DataView | undefined {
    const answer = new Uint8Array(size);
    const given = new Uint8Array(4);
    const { DeviceIoControl } = this.#kernel32;
    const { value } = this.#handle;
    return DeviceIoControl(value, question, null, 0, answer, size, given, null) === 0
      ? undefined
      : new DataView(answer.buffer);
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#handle.close();
  }
}

function hasVolume(layout: DataView, style: number, offset: number): boolean {
  if (layout.getBigInt64(offset + PARTITION.length, true) <= 0n) return false;
  const at = offset + PARTITION.type;
  if (style === STYLE.mbr) return !MBR_WITHOUT_VOLUME.includes(layout.getUint8(at));
  if (style !== STYLE.gpt) return false;
  return !GPT_WITHOUT_VOLUME.includes(readGuid(new Uint8Array(layout.buffer), at));
}

// The calls that tell what is attached: the device of a disk, and the images of all attached disks.

/** Bytes: longer than any device path, and than those of some images. */
const USUAL_PATH = 512;
/** Bytes: far more than all paths of a machine's attached images. */
const LARGEST_ANSWER = 1024 * 1024;
const UNIT_SIZE = 2;

/**
 * The device path of an attached disk (GetVirtualDiskPhysicalPath): `\\.\PhysicalDriveN` or `\\.\CDROMN`.
 *
 * @throws {VirtualDiskError} With the code that the call returns: `ERROR_DEV_NOT_EXIST` where the disk is
 * not attached.
 */
export function physicalPath({ libraries: { virtdisk }, handle, path }: CalledDisk): string {
  const operation = "GetVirtualDiskPhysicalPath";
  return stringsOf(
    operation,
    path,
    (size, buffer) => virtdisk.GetVirtualDiskPhysicalPath(handle, size, buffer),
  )[0] ?? "";
}

/**
 * The paths of the image files of all disks that are attached to this machine. In spite of its name
 * GetAllAttachedVirtualDiskPhysicalPaths does not give the paths of devices.
 *
 * @throws {VirtualDiskError} With the code that the call returns.
 */
export function attachedImagePaths(virtdisk: VirtDisk): string[] {
  return stringsOf(
    "GetAllAttachedVirtualDiskPhysicalPaths",
    undefined,
    (size, buffer) => virtdisk.GetAllAttachedVirtualDiskPhysicalPaths(size, buffer),
  );
}

function stringsOf(
  operation: string,
  path: string | undefined,
  call: (size: Uint32Array<ArrayBuffer>, buffer: Uint8Array<ArrayBuffer>) => number,
): string[] {
  const { answer } = sizedAnswer({
    operation,
    ...(path === undefined ? {} : { path }),
    unit: "bytes",
    first: USUAL_PATH,
    largest: LARGEST_ANSWER,
    call: (capacity) => {
      const size = Uint32Array.of(capacity);
      // Zeros: whatever the call does not fill in ends the list.
      const buffer = new Uint8Array(capacity);
      const code = call(size, buffer);
      return { code, size: size[0]!, answer: buffer };
    },
  });
  return multiString(decodeUtf16(answer.subarray(0, answer.length - answer.length % UNIT_SIZE)));
}

/** UTF-16 units; a volume's name has 49. */
const NAME_LENGTH = 64;
/** UTF-16 units: a first guess, and more than the names of any volume. */
const USUAL_LENGTH = 1024;
const LARGEST_LENGTH = 1 << 20;

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
