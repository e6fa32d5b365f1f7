/**
 * An attached disk appears little by little: its device, its partitions, their volumes, and the letters of
 * those. Windows does not say when it is done, so the disk is looked at until nothing changes any more.
 *
 * @module
 */
import { toHostPath } from "../disk/arguments.ts";
import { isErrorOf, VirtualDiskError, virtualDiskError } from "../errors/error.ts";
import type { CalledDisk } from "./call/disk_call.ts";
import {
  Device,
  type DeviceNumber,
  DISK_TYPE,
  lengthOf,
  physicalPath,
  placeOf,
  volumeNames,
  type VolumeOnDisk,
  type VolumePartition,
} from "./device.ts";
import type { Kernel32 } from "./ffi/kernel32.ts";
import { fullPath, wideString } from "./ffi/text.ts";

/** Milliseconds between two looks: few at first, as most disks are there at once. */
const SHORTEST_PAUSE = 50;
const LONGEST_PAUSE = 250;
/** Milliseconds in which nothing may change: letters come this soon after their volumes. */
const QUIET = 300;

/** What there is of an attached disk. */
export interface AttachedDisk {
  readonly physicalPath: string | undefined;
  readonly diskNumber: number | undefined;
  readonly volumes: readonly VolumeOnDisk[];
  /** Partitions whose volumes have not appeared. */
  readonly missing: readonly VolumePartition[];
  /** Whether everything that was waited for had appeared. */
  readonly complete: boolean;
}

/** How long to wait, and for what. */
export interface ArrivalOptions {
  /** Milliseconds. */
  readonly timeout: number;
  /** Whether volumes will appear, if there are partitions. */
  readonly hasVolumes: boolean;
  readonly signal: AbortSignal | undefined;
}

/** An attached disk of which nothing appears. */
export const NOTHING: AttachedDisk = {
  physicalPath: undefined,
  diskNumber: undefined,
  volumes: [],
  missing: [],
  complete: true,
};

/** Watches a disk appear. It is made before the disk is attached: only volumes that are new can be the disk's. */
export class DiskArrival {
  readonly #disk: CalledDisk;
  /** Names of volumes that are not on the disk. */
  readonly #others: Set<string>;

  /** Takes down which volumes there are. */
  constructor(disk: CalledDisk) {
    this.#disk = disk;
    this.#others = new Set(volumeNames(disk.libraries.kernel32));
  }

  /**
   * Waits until the disk has appeared.
   *
   * @returns What there is of it, at the latest after the timeout.
   * @throws The signal's reason.
   * @throws {VirtualDiskError} Where Windows refuses to say where the disk is.
   */
  async wait({ timeout, hasVolumes, signal }: ArrivalOptions): Promise<AttachedDisk> {
    const deadline = performance.now() + timeout;
    let seen = "";
    let seenSince = 0;
    for (let pause = SHORTEST_PAUSE;; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      const attached = this.#look(hasVolumes);
      const now = performance.now();
      const state = JSON.stringify(attached);
      if (state !== seen) [seen, seenSince, pause] = [state, now, SHORTEST_PAUSE];
      const isSettled = !hasVolumes || now - seenSince >= QUIET;
      if (attached.complete && isSettled || now >= deadline) return attached;
      await new Promise((resolve) => setTimeout(resolve, pause));
      signal?.throwIfAborted();
    }
  }

  #look(hasVolumes: boolean): AttachedDisk {
    const { kernel32 } = this.#disk.libraries;
    const physicalPath = deviceOf(this.#disk);
    using device = physicalPath === undefined ? undefined : Device.openDisk(kernel32, physicalPath);
    const number = device?.deviceNumber;
    if (device === undefined || number === undefined) {
      return { ...NOTHING, physicalPath, complete: false };
    }
    const appeared = { physicalPath, diskNumber: number.number };
    if (!hasVolumes || device.isOffline) return { ...NOTHING, ...appeared };
    const volumes = this.#volumes(number);
    if (number.type !== DISK_TYPE) {
      return { ...appeared, volumes, missing: [], complete: volumes.length > 0 };
    }
    const partitions = device.volumePartitions;
    const missing =
      partitions?.filter(({ start }) =>
        !volumes.some(({ extents }) => extents.some((extent) => extent.start === start))
      ) ?? [];
    // Who may not read the disk does not learn of its partitions.
    const complete = partitions === undefined ? volumes.length > 0 : missing.length === 0;
    return { ...appeared, volumes, missing, complete };
  }

  #volumes(number: DeviceNumber): VolumeOnDisk[] {
    const { kernel32 } = this.#disk.libraries;
    const own: VolumeOnDisk[] = [];
    for (const guidPath of volumeNames(kernel32)) {
      if (this.#others.has(guidPath)) continue;
      const place = placeOf(kernel32, guidPath, number);
      // Of one that does not tell yet, it is asked again at the next look.
      if (place === "elsewhere") this.#others.add(guidPath);
      else if (place !== "unknown") own.push(place);
    }
    return own;
  }
}

/** Where a disk is; `undefined` while it has not appeared, or where it does not appear at all. */
export function deviceOf(disk: CalledDisk): string | undefined {
  try {
    return physicalPath(disk) || undefined;
  } catch (error) {
    if (isErrorOf(error, "ERROR_DEV_NOT_EXIST", "ERROR_NOT_READY", "ERROR_FILE_NOT_FOUND")) {
      return undefined;
    }
    throw error;
  }
}

/** The folder; a volume is mounted there once. */
export class MountPoint {
  readonly #kernel32: Kernel32;
  /** With a backslash at its end, as the functions want it. */
  readonly #folder: string;
  #isMounted = false;

  /** Nothing is done yet. */
  constructor(kernel32: Kernel32, folder: string | URL) {
    const path = fullPath(kernel32, toHostPath(folder, "mountPoint"), "SetVolumeMountPointW");
    this.#kernel32 = kernel32;
    this.#folder = path.endsWith("\\") ? path : `${path}\\`;
  }

  /**
   * Mounts the largest volume of a disk: small ones beside it are the system's own.
   *
   * @param image For errors.
   * @returns The disk, with the folder among the mount points of that volume.
   * @throws {VirtualDiskError} `ERROR_TIMEOUT` where the disk has none; what SetVolumeMountPointW says.
   */
  mount(disk: AttachedDisk, image: string): AttachedDisk {
    const largest = disk.volumes.reduce<VolumeOnDisk | undefined>(
      (best, volume) => best === undefined || lengthOf(volume) > lengthOf(best) ? volume : best,
      undefined,
    );
    const missing = Math.max(0, ...disk.missing.map(({ length }) => length));
    if (largest === undefined || lengthOf(largest) < missing) {
      throw virtualDiskError("ERROR_TIMEOUT", "AttachVirtualDisk", {
        path: image,
        reason: "the volume that is to be mounted has not appeared",
      });
    }
    const { guidPath, mountPoints } = largest;
    if (this.#kernel32.SetVolumeMountPointW(wideString(this.#folder), wideString(guidPath)) === 0) {
      const code = this.#kernel32.GetLastError();
      throw new VirtualDiskError(code, "SetVolumeMountPointW", { path: this.#folder });
    }
    this.#isMounted = true;
    const mounted = { ...largest, mountPoints: [...mountPoints, this.#folder] };
    const volumes = disk.volumes.map((volume) => volume === largest ? mounted : volume);
    return { ...disk, volumes };
  }

  /** Takes the volume away from the folder; a second call does nothing. */
  remove(): void {
    if (!this.#isMounted) return;
    this.#isMounted = false;
    if (this.#kernel32.DeleteVolumeMountPointW(wideString(this.#folder)) !== 0) return;
    const code = this.#kernel32.GetLastError();
    throw new VirtualDiskError(code, "DeleteVolumeMountPointW", { path: this.#folder });
  }
}
