/** The calls that attach and detach a disk. */
import { ATTACH_VIRTUAL_DISK_FLAG as FLAG, DETACH_VIRTUAL_DISK_FLAG } from "../constants.ts";
import { byteCount, checkOptions } from "../disk/arguments.ts";
import {
  ATTACH_OPTIONS,
  type AttachedVolume,
  type Attachment,
  type AttachOptions,
  DETACH_OPTIONS,
  type DetachOptions,
  RESTRICTED_RANGE,
} from "../disk/attachment.ts";
import { errorCode } from "../errors/codes.ts";
import { virtualDiskError } from "../errors/error.ts";
import { type AttachedDisk, DiskArrival, MountPoint, NOTHING } from "./arrival.ts";
import { assertSuccess, type CalledDisk, flagsOf, type RunningCalls } from "./call/disk_call.ts";
import { ATTACH_VIRTUAL_DISK_PARAMETERS, type AttachVirtualDiskParameters } from "./ffi/structs.ts";
import { HeapMemory } from "./call/memory.ts";
import { everyoneDescriptor } from "./security_descriptor.ts";
import { LockedVolumes, type LockOptions } from "./volume_lock.ts";

const ATTACH = "AttachVirtualDisk";
const DETACH = "DetachVirtualDisk";
const NO_PROVIDER_FLAGS = 0;
const NO_OVERLAPPED = 0n;
/** Milliseconds. */
const DEFAULT_TIMEOUT = 10_000;

/** What the handle can do. */
export interface AttachRights {
  /** It can attach for reading alone. */
  readonly readOnly: boolean;
  /** An ISO image is for reading alone, whatever one asks for. */
  readonly isIso: boolean;
}

/** The request of an attach. */
export class AttachCall {
  readonly #disk: CalledDisk;
  readonly #options: AttachOptions;
  readonly #flags: number;
  readonly #parameters: AttachVirtualDiskParameters;
  readonly #timeout: number;
  readonly #mountPoint: MountPoint | undefined;

  /**
   * Checks the options.
   *
   * @throws {TypeError | RangeError} Where an option is of the wrong kind.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` where an ISO image is to be attached for writing.
   */
  constructor(disk: CalledDisk, given: AttachOptions, rights: AttachRights) {
    const options = checkOptions(ATTACH_OPTIONS, given, "attach");
    const { mountPoint, volumeTimeout = DEFAULT_TIMEOUT, readOnly } = options;
    if (rights.isIso && readOnly === false) {
      throw virtualDiskError("ERROR_ACCESS_DENIED", ATTACH, {
        path: disk.path,
        reason: "an ISO image cannot be attached for writing",
        causes: ["Leave `readOnly` out."],
      });
    }
    this.#disk = disk;
    this.#options = options;
    this.#flags = flagBitsOf(options, readOnly ?? rights.readOnly);
    this.#parameters = parametersOf(options);
    this.#timeout = byteCount(volumeTimeout, "volumeTimeout");
    this.#mountPoint = mountPoint === undefined
      ? undefined
      : new MountPoint(disk.libraries.kernel32, mountPoint);
  }

  /**
   * Attaches the disk and waits for its volumes; detaches it again where those cannot be had. Attaching
   * itself cannot be cancelled: it is undone when it has ended.
   */
  async run(detachLater: DetachLater): Promise<NativeAttachment> {
    const { permanent = false, noLocalHost, nonPnp, registerVolume, signal } = this.#options;
    signal?.throwIfAborted();
    const arrival = noLocalHost ? undefined : new DiskArrival(this.#disk);
    await this.#attach();
    try {
      signal?.throwIfAborted();
      const hasVolumes = !nonPnp || registerVolume === true;
      let attached = await arrival?.wait({ timeout: this.#timeout, hasVolumes, signal });
      attached &&= this.#mountPoint?.mount(attached, this.#disk.path) ?? attached;
      return new NativeAttachment(attached, permanent, this.#mountPoint, detachLater);
    } catch (error) {
      // Whether or not this succeeds, the first error says what is wrong.
      await detachAsync(this.#disk);
      throw error;
    }
  }

  /** On another thread, and with no OVERLAPPED: so do the programs that are known to work. */
  async #attach(): Promise<void> {
    const { libraries, handle, path } = this.#disk;
    using memory = new HeapMemory(libraries.kernel32);
    const code = await libraries.virtdisk.AttachVirtualDiskAsync(
      handle,
      memory.place(descriptorOf(this.#options)),
      this.#flags,
      NO_PROVIDER_FLAGS,
      memory.place(ATTACH_VIRTUAL_DISK_PARAMETERS.pack(this.#parameters)),
      NO_OVERLAPPED,
    );
    assertSuccess(code, ATTACH, path);
  }
}

/** `NULL` means the image file's own descriptor, or the system's usual one with the flag that says so. */
function descriptorOf(
  { securityDescriptor = "everyone", noLocalHost, noSecurityDescriptor }: AttachOptions,
): Uint8Array<ArrayBuffer> | null {
  if (typeof securityDescriptor !== "string") return securityDescriptor.slice();
  const isNone = noLocalHost || noSecurityDescriptor || securityDescriptor === "image-file";
  return isNone ? null : everyoneDescriptor();
}

/** Detaches the disk of an attachment, if it is still attached; `freeFolder` is called when nothing uses it. */
export type DetachLater = (options: DetachOptions, freeFolder: () => void) => Promise<void>;

/**
 * Detaches a disk whose volumes nobody uses, holding the thread up.
 *
 * @throws {VirtualDiskError} As {@linkcode LockedVolumes.lockSync}, or with the code that the call returns.
 */
export function detach(disk: CalledDisk, options: LockOptions): void {
  using _locked = LockedVolumes.lockSync(disk, options);
  const { NONE } = DETACH_VIRTUAL_DISK_FLAG;
  const { handle, libraries: { virtdisk }, path } = disk;
  assertSuccess(virtdisk.DetachVirtualDisk(handle, NONE, NO_PROVIDER_FLAGS), DETACH, path);
}

/** The same on another thread; a disk that is not attached any more is left alone. */
export async function detachIfAttached(
  disk: CalledDisk,
  options: LockOptions,
  freeFolder: () => void,
): Promise<void> {
  using _locked = await LockedVolumes.lock(disk, options);
  try {
    freeFolder();
  } finally {
    const code = await detachAsync(disk);
    if (code !== errorCode("ERROR_NOT_FOUND")) assertSuccess(code, DETACH, disk.path);
  }
}

function detachAsync({ handle, libraries: { virtdisk } }: CalledDisk): Promise<number> {
  const { NONE } = DETACH_VIRTUAL_DISK_FLAG;
  return virtdisk.DetachVirtualDiskAsync(handle, NONE, NO_PROVIDER_FLAGS);
}

function flagBitsOf(options: AttachOptions, readOnly: boolean): number {
  return flagsOf(
    [readOnly, FLAG.READ_ONLY],
    [options.noDriveLetter ?? options.mountPoint !== undefined, FLAG.NO_DRIVE_LETTER],
    [options.permanent, FLAG.PERMANENT_LIFETIME],
    [options.noLocalHost, FLAG.NO_LOCAL_HOST],
    [options.noSecurityDescriptor, FLAG.NO_SECURITY_DESCRIPTOR],
    [options.bypassDefaultEncryptionPolicy, FLAG.BYPASS_DEFAULT_ENCRYPTION_POLICY],
    [options.nonPnp, FLAG.NON_PNP],
    [options.restrictedRange !== undefined, FLAG.RESTRICTED_RANGE],
    [options.singlePartition, FLAG.SINGLE_PARTITION],
    [options.registerVolume, FLAG.REGISTER_VOLUME],
    [options.atBoot, FLAG.AT_BOOT],
  );
}

/** Version 2 where its members are wanted alone: it is newer than Windows 10 1809. */
function parametersOf({ restrictedRange }: AttachOptions): AttachVirtualDiskParameters {
  if (restrictedRange === undefined) return { Version: 1, Version1: { Reserved: 0 } };
  const range = checkOptions(RESTRICTED_RANGE, restrictedRange, "restrictedRange");
  const RestrictedOffset = BigInt(byteCount(range.offset, "restrictedRange.offset"));
  const RestrictedLength = BigInt(byteCount(range.length, "restrictedRange.length"));
  return { Version: 2, Version2: { RestrictedOffset, RestrictedLength } };
}

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

/** An open disk. */
export interface AttachableDisk {
  /** The disk, or an error after it was closed. */
  readonly called: (operation: string) => CalledDisk;
  readonly isClosed: () => boolean;
  /** Learns what goes on. */
  readonly running: RunningCalls;
  readonly rights: AttachRights;
}

/** The attachments of one open disk: one at a time. */
export class Attachments {
  readonly #disk: AttachableDisk;
  #current: NativeAttachment | undefined;

  /** The disk may be attached otherwise. */
  constructor(disk: AttachableDisk) {
    this.#disk = disk;
  }

  /** AttachVirtualDisk, and waiting for the volumes. */
  async attach(options: AttachOptions): Promise<NativeAttachment> {
    const operation = "AttachVirtualDisk";
    const { called, running, rights } = this.#disk;
    const call = new AttachCall(called(operation), options, rights);
    const permanent = options.permanent ?? false;
    return await running.run(operation, async () => {
      const attachment = await call.run((detachOptions, freeFolder) =>
        this.#detach(permanent, detachOptions, freeFolder)
      );
      this.#current = attachment;
      return attachment;
    });
  }

  /** DetachVirtualDisk, on this thread. */
  detach(options: DetachOptions): void {
    const { force = false } = checkOptions(DETACH_OPTIONS, options, "detach");
    detach(this.#disk.called(DETACH), { force });
    this.#current?.end();
    this.#current = undefined;
  }

  /** DetachVirtualDisk, on another thread. Without a handle only a permanent attachment is left. */
  async #detach(
    permanent: boolean,
    options: DetachOptions,
    freeFolder: () => void,
  ): Promise<void> {
    const { force = false } = checkOptions(DETACH_OPTIONS, options, "detach");
    if (this.#disk.isClosed() && !permanent) return freeFolder();
    const disk = this.#disk.called(DETACH);
    await this.#disk.running.run(DETACH, () => detachIfAttached(disk, { force }, freeFolder));
  }
}
