/** A disk that is attached through its handle. */
import type { AttachedVolume, Attachment, DetachOptions } from "../disk/attachment.ts";
import type { DetachLater } from "./attach.ts";
import { type AttachedDisk, NOTHING } from "./disk_arrival.ts";
import type { MountPoint } from "./mount_point.ts";

/** What `attach()` of the native backend gives. */
export class NativeAttachment implements Attachment {
  /** Whether it outlives the scope. */
  readonly permanent: boolean;
  readonly #disk: AttachedDisk;
  readonly #mountPoint: MountPoint | undefined;
  readonly #detach: DetachLater;
  #isOver = false;

  /** `detach` detaches the disk, if it is still attached. */
  constructor(
    disk: AttachedDisk | undefined,
    permanent: boolean,
    mountPoint: MountPoint | undefined,
    detach: DetachLater,
  ) {
    this.#disk = disk ?? NOTHING;
    this.permanent = permanent;
    this.#mountPoint = mountPoint;
    this.#detach = detach;
  }

  /** `\\.\PhysicalDriveN` or `\\.\CDROMN`. */
  get physicalPath(): string | undefined {
    return this.#disk.physicalPath;
  }

  /** The N therein. */
  get diskNumber(): number | undefined {
    return this.#disk.diskNumber;
  }

  /** The volumes that had appeared when the attachment was made. */
  get volumes(): readonly AttachedVolume[] {
    return this.#disk.volumes.map(({ guidPath, mountPoints }) => ({ guidPath, mountPoints }));
  }

  /** Whether all volumes had appeared by then. */
  get complete(): boolean {
    return this.#disk.complete;
  }

  /** Detaches the disk now. */
  async detach(options: DetachOptions = {}): Promise<void> {
    if (this.#isOver) return;
    await this.#detach(options, () => this.#mountPoint?.remove());
    this.#isOver = true;
  }

  /** The disk was detached otherwise. */
  end(): void {
    this.#isOver = true;
    this.#mountPoint?.remove();
  }

  /** Detaches the disk at the end of an `await using` scope, unless it is permanent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.permanent) await this.detach();
  }
}
