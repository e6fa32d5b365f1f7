/** A machine's disks and volumes, as the functions of kernel32.dll tell them. */
import { decodeUtf16Z, encodeUtf16 } from "../../src/bytes/utf16.ts";
import { writeGuid } from "../../src/bytes/guid.ts";
import type { Kernel32 } from "../../src/native/ffi/kernel32.ts";
import type { Libraries } from "../../src/native/ffi/library.ts";

/** FILE_DEVICE_CD_ROM and FILE_DEVICE_DISK. */
export const CD = 2;
export const DISK = 7;

const INVALID_HANDLE_VALUE = 0xffffffffffffffffn;
/** Handles of this machine, which no real one has. */
const FIRST_HANDLE = 0x7000_0000_0000;
const DEVICE_NUMBER = 0x2d1080;
const DISK_EXTENTS = 0x560000;
const DRIVE_LAYOUT = 0x70050;
const DISK_ATTRIBUTES = 0x700f0;
const LOCK_VOLUME = 0x90018;
const DISMOUNT_VOLUME = 0x90020;

/** A place of a partition table. */
export interface MachinePartition {
  readonly start: number;
  readonly length: number;
  /** A GUID in a GPT, a byte in an MBR. */
  readonly type: string | number;
}

/** The rights of a handle, and those that a control code asks for: FILE_READ_ACCESS, FILE_WRITE_ACCESS. */
const READ = 1;
const WRITE = 2;
const GENERIC_READ = 0x80000000;
const GENERIC_WRITE = 0x40000000;

/**
 * The rights that a handle must have been opened with for a control code. The I/O manager takes them from the
 * code (CTL_CODE); the page of IOCTL_DISK_GET_DRIVE_LAYOUT_EX asks for more than its code does: "You must have
 * read access to the drive".
 */
const RIGHTS = new Map<number, number>([
  [DEVICE_NUMBER, 0],
  [DISK_EXTENTS, 0],
  [DRIVE_LAYOUT, READ],
  [DISK_ATTRIBUTES, 0],
  // Whoever opened a volume without any right has its device, and not its file system.
  [LOCK_VOLUME, READ],
  [DISMOUNT_VOLUME, READ],
]);

const ACCESS_DENIED = 5;
const INVALID_FUNCTION = 1;

/** A disk. */
export interface MachineDisk {
  readonly path: string;
  readonly type: number;
  readonly number: number;
  /** The places of its partition table, all of one style; without them the disk does not tell. */
  readonly partitions?: readonly MachinePartition[];
  readonly isOffline?: boolean;
}

/** A volume. */
export interface MachineVolume {
  /** Without the last backslash. */
  readonly name: string;
  mountPoints: string[];
  /** The disks that it is on, with the bytes there. */
  readonly extents?: readonly (readonly [disk: number, length: number, start?: number])[];
  /** How many attempts to lock it find it in use; default: none. */
  timesInUse?: number;
  /** How it may be opened; default: for everything. */
  readonly openable?: "read-write" | "read" | "no";
  isDismounted?: boolean;
  /** The device that it is on, where it tells. */
  readonly device?: { readonly type: number; readonly number: number };
}

type Buffer = Parameters<Kernel32["CreateFileW"]>[0];

/** Answers for the functions that ask for disks and volumes; the others are those of `kernel32`. */
export class Machine {
  disks: MachineDisk[] = [];
  volumes: MachineVolume[] = [];
  /** What is called before each search for volumes, with how many there were. */
  onSearch: (searches: number) => void = () => {};
  /** Volumes that appear when a disk is attached. */
  arriving: MachineVolume[] = [];
  /** What was done to which volume. */
  readonly log: string[] = [];
  /** What SetVolumeMountPointW and DeleteVolumeMountPointW fail with. */
  mountError = 0;
  #searches = 0;
  #opens = 0;
  #next = 0;
  #lastError = 0;
  readonly #open = new Map<bigint, { device: MachineDisk | MachineVolume; rights: number }>();
  /** Whether the program is elevated: others may not read disks and volumes. */
  isElevated = true;

  /** How many handles are open. */
  get openHandles(): number {
    return this.#open.size;
  }

  /** The libraries of the machine. */
  over({ kernel32, virtdisk }: Libraries): Libraries {
    const AttachVirtualDiskAsync: typeof virtdisk.AttachVirtualDiskAsync = async (...args) => {
      const code = await virtdisk.AttachVirtualDiskAsync(...args);
      if (code === 0) this.volumes.push(...this.arriving);
      return code;
    };
    return {
      kernel32: this.#functions(kernel32),
      virtdisk: { ...virtdisk, AttachVirtualDiskAsync },
    };
  }

  #functions(kernel32: Kernel32): Kernel32 {
    return {
      ...kernel32,
      CreateFileW: (path, access) => this.#openDevice(textOf(path), access),
      CloseHandle: (handle) => this.#open.delete(handle) ? 1 : kernel32.CloseHandle(handle),
      DeviceIoControl: (handle, question, _in, _inSize, answer) =>
        this.#control(handle, question, viewOf(answer)),
      FlushFileBuffers: (handle) => this.#flush(handle),
      FlushFileBuffersAsync: (handle) => Promise.resolve(this.#flush(handle)),
      FindFirstVolumeW: (name) => {
        this.onSearch(++this.#searches);
        this.#next = 0;
        return this.#giveNext(name) ? 1n : INVALID_HANDLE_VALUE;
      },
      FindNextVolumeW: (_search, name) => this.#giveNext(name) ? 1 : 0,
      FindVolumeClose: () => 1,
      GetVolumePathNamesForVolumeNameW: (name, buffer, capacity, needed) =>
        this.#giveMountPoints(textOf(name), buffer, capacity, needed),
      SetVolumeMountPointW: (folder, name) =>
        this.#mount(() => this.#volume(textOf(name)).mountPoints.push(textOf(folder))),
      DeleteVolumeMountPointW: (folder) =>
        this.#mount(() => {
          for (const volume of this.volumes) {
            volume.mountPoints = volume.mountPoints.filter((each) => each !== textOf(folder));
          }
        }),
      GetLastError: () => this.mountError || this.#lastError || kernel32.GetLastError(),
    };
  }

  #flush(handle: bigint): number {
    const { device, rights } = this.#open.get(handle)!;
    const isWritable = (rights & WRITE) !== 0;
    if (isWritable && "name" in device) this.log.push(`flush ${device.name}`);
    return isWritable ? 1 : 0;
  }

  #openDevice(path: string, access: number): bigint {
    const device = [...this.disks, ...this.volumes].find((each) =>
      ("path" in each ? each.path : each.name).toLowerCase() === path.toLowerCase()
    );
    const rights = (access & GENERIC_READ ? READ : 0) | (access & GENERIC_WRITE ? WRITE : 0);
    this.#lastError = device === undefined
      ? 2
      : (rights & ~this.#rightsTo(device)) !== 0
      ? ACCESS_DENIED
      : 0;
    if (device === undefined || this.#lastError !== 0) return INVALID_HANDLE_VALUE;
    if (rights !== 0 && "name" in device) this.log.push(`open ${path}`);
    const handle = BigInt(FIRST_HANDLE + this.#opens++);
    this.#open.set(handle, { device, rights });
    return handle;
  }

  /** The rights with which it can be opened. */
  #rightsTo(device: MachineDisk | MachineVolume): number {
    const { openable = "read-write" } = "name" in device ? device : {};
    if (!this.isElevated || openable === "no") return 0;
    return openable === "read" ? READ : READ | WRITE;
  }

  #control(handle: bigint, question: number, answer: DataView): number {
    const { device, rights } = this.#open.get(handle)!;
    const wanted = RIGHTS.get(question);
    if (wanted === undefined) throw new Error(`no rights are known of control code ${question}`);
    const isDenied = ((wanted | question >> 14 & 3) & ~rights) !== 0;
    const isAnswered = !isDenied && this.#answer(device, question, answer);
    this.#lastError = isDenied ? ACCESS_DENIED : isAnswered ? 0 : INVALID_FUNCTION;
    return isAnswered ? 1 : 0;
  }

  #answer(device: MachineDisk | MachineVolume, question: number, answer: DataView): boolean {
    const isDisk = "path" in device;
    const number = isDisk ? device : device.device;
    if (question === DEVICE_NUMBER && number !== undefined) {
      answer.setUint32(0, number.type, true);
      answer.setUint32(4, number.number, true);
      return true;
    }
    if (question === DISK_EXTENTS && !isDisk && device.extents !== undefined) {
      answer.setUint32(0, device.extents.length, true);
      device.extents.forEach(([disk, length, start = 0], i) => {
        answer.setUint32(8 + 24 * i, disk, true);
        answer.setBigInt64(8 + 24 * i + 8, BigInt(start), true);
        answer.setBigInt64(8 + 24 * i + 16, BigInt(length), true);
      });
      return true;
    }
    if (question === DRIVE_LAYOUT && isDisk && device.partitions !== undefined) {
      giveLayout(answer, device.partitions);
      return true;
    }
    if (question === DISK_ATTRIBUTES && isDisk) {
      answer.setBigUint64(8, device.isOffline ? 1n : 0n, true);
      return true;
    }
    if (question === LOCK_VOLUME && !isDisk) {
      device.timesInUse = (device.timesInUse ?? 0) - 1;
      if (device.timesInUse < 0) this.log.push(`lock ${device.name}`);
      return device.timesInUse < 0;
    }
    if (question === DISMOUNT_VOLUME && !isDisk) {
      this.log.push(`dismount ${device.name}`);
      device.isDismounted = true;
      return true;
    }
    return false;
  }

  #giveNext(name: Buffer): boolean {
    const volume = this.volumes[this.#next++];
    if (volume !== undefined) write(name, `${volume.name}\\\0`);
    return volume !== undefined;
  }

  #giveMountPoints(name: string, buffer: Buffer, capacity: number, needed: Buffer): number {
    const text = this.#volume(name).mountPoints.map((each) => `${each}\0`).join("") + "\0";
    viewOf(needed).setUint32(0, text.length, true);
    if (text.length > capacity) return 0;
    write(buffer, text);
    return 1;
  }

  #volume(name: string): MachineVolume {
    return this.volumes.find((volume) => `${volume.name}\\` === name)!;
  }

  #mount(change: () => void): number {
    if (this.mountError === 0) change();
    return this.mountError === 0 ? 1 : 0;
  }
}

function giveLayout(answer: DataView, partitions: readonly MachinePartition[]): void {
  answer.setUint32(0, partitions.every(({ type }) => typeof type === "number") ? 0 : 1, true);
  answer.setUint32(4, partitions.length, true);
  partitions.forEach(({ start, length, type }, i) => {
    const at = 48 + 144 * i;
    answer.setBigInt64(at + 8, BigInt(start), true);
    answer.setBigInt64(at + 16, BigInt(length), true);
    if (typeof type === "number") answer.setUint8(at + 32, type);
    else writeGuid(new Uint8Array(answer.buffer), at + 32, type);
  });
}

function viewOf(buffer: Buffer): DataView {
  if (!ArrayBuffer.isView(buffer)) throw new TypeError("not given");
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function bytesOf(buffer: Buffer): Uint8Array {
  const { buffer: memory, byteOffset, byteLength } = viewOf(buffer);
  return new Uint8Array(memory, byteOffset, byteLength);
}

function textOf(buffer: Buffer): string {
  return decodeUtf16Z(bytesOf(buffer));
}

function write(buffer: Buffer, text: string): void {
  bytesOf(buffer).set(encodeUtf16(text));
}
