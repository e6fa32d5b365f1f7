/**
 * Volumes of a disk that is about to be detached. DetachVirtualDisk alone takes the disk away as pulling a
 * plug does; whoever has mounted volumes on it flushes, locks and dismounts them first.
 *
 * @module
 */
import { pauseSync } from "../disk/pause.ts";
import { virtualDiskError } from "../errors/error.ts";
import type { CalledDisk } from "./call/disk_call.ts";
import { Device, type VolumeOnDisk, volumesOn } from "./device.ts";
import { deviceOf } from "./arrival.ts";

const DETACH = "DetachVirtualDisk";
/** How often a volume is tried to be locked: scanners and indexers let go after a moment. */
const TRIES = 10;
/** Milliseconds between two tries: two seconds altogether. */
const PAUSE = 200;

const FORCE =
  "To detach it all the same, use { force: true }: what programs have not written is lost.";

/** How volumes are locked. */
export interface LockOptions {
  /** Dismounts volumes that are in use too. */
  readonly force: boolean;
}

/** The volumes of one disk, locked and dismounted until this is disposed: then what is left is mounted again. */
export class LockedVolumes implements Disposable {
  readonly #disk: CalledDisk;
  readonly #force: boolean;
  readonly #held = new DisposableStack();
  readonly #volumes: { readonly volume: VolumeOnDisk; readonly device: Device }[] = [];

  private constructor(disk: CalledDisk, { force }: LockOptions) {
    this.#disk = disk;
    this.#force = force;
    for (const volume of mountedOn(disk)) this.#open(volume);
  }

  /**
   * Flushes, locks and dismounts the volumes, holding the thread up.
   *
   * @throws {VirtualDiskError} `ERROR_SHARING_VIOLATION` where a volume is in use, `ERROR_ACCESS_DENIED` where
   * it cannot be opened; not with `force`. Nothing stays locked then.
   */
  static lockSync(disk: CalledDisk, options: LockOptions): LockedVolumes {
    const locked = new LockedVolumes(disk, options);
    try {
      for (const each of locked.#volumes) {
        each.device.flushSync();
        for (let tries = 1; !locked.#tryLock(each, tries); tries++) pauseSync(PAUSE);
      }
      return locked;
    } catch (error) {
      locked[Symbol.dispose]();
      throw error;
    }
  }

  /** As {@linkcode LockedVolumes.lockSync}, flushing on another thread and waiting by a timer. */
  static async lock(disk: CalledDisk, options: LockOptions): Promise<LockedVolumes> {
    const locked = new LockedVolumes(disk, options);
    try {
      for (const each of locked.#volumes) {
        await each.device.flush();
        for (let tries = 1; !locked.#tryLock(each, tries); tries++) {
          await new Promise((resolve) => setTimeout(resolve, PAUSE));
        }
      }
      return locked;
    } catch (error) {
      locked[Symbol.dispose]();
      throw error;
    }
  }

  /** Lets go of the volumes. */
  [Symbol.dispose](): void {
    this.#held.dispose();
  }

  #open(volume: VolumeOnDisk): void {
    const { kernel32 } = this.#disk.libraries;
    // With its last backslash the name would mean the root folder.
    const device = Device.openToLock(kernel32, volume.guidPath.slice(0, -1));
    if (device !== undefined) {
      this.#volumes.push({ volume, device: this.#held.use(device) });
      return;
    }
    if (this.#force) return;
    this.#held.dispose();
    throw virtualDiskError("ERROR_ACCESS_DENIED", DETACH, {
      path: this.#disk.path,
      reason: `its volume ${nameOf(volume)} cannot be opened to be locked`,
      causes: ["Run as an administrator.", FORCE],
    });
  }

  /** Whether the volume is locked, or was dismounted by force; throws at the last try. */
  #tryLock({ volume, device }: { volume: VolumeOnDisk; device: Device }, tries: number): boolean {
    // Locking flushes too: without a lock the volume is flushed by being dismounted.
    if (this.#force || device.lock()) {
      device.dismount();
      return true;
    }
    if (tries < TRIES) return false;
    throw virtualDiskError("ERROR_SHARING_VIOLATION", DETACH, {
      path: this.#disk.path,
      reason: `its volume ${nameOf(volume)} is in use, and the disk stays attached`,
      causes: [
        "Close the programs, consoles and Explorer windows that have files or folders of it open: " +
        "handle.exe of Sysinternals, or the resource monitor, finds them.",
        FORCE,
      ],
    });
  }
}

/** The volumes of a disk that is attached to this machine. */
function mountedOn(disk: CalledDisk): VolumeOnDisk[] {
  const path = deviceOf(disk);
  if (path === undefined) return [];
  const { kernel32 } = disk.libraries;
  using device = Device.open(kernel32, path);
  const number = device?.deviceNumber;
  return number === undefined ? [] : volumesOn(kernel32, number);
}

function nameOf({ guidPath, mountPoints }: VolumeOnDisk): string {
  return mountPoints.length > 0 ? mountPoints.join(", ") : guidPath;
}
