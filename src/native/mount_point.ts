/** A folder in which a volume is mounted. */
import { VirtualDiskError, virtualDiskError } from "../errors/error.ts";
import { toHostPath } from "../disk/arguments.ts";
import type { AttachedDisk } from "./disk_arrival.ts";
import { fullPath } from "./full_path.ts";
import type { Kernel32 } from "./kernel32.ts";
import { lengthOf, type VolumeOnDisk } from "./volumes.ts";
import { wideString } from "./wide_string.ts";

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
