/** The calls that attach and detach a disk. */
import { ATTACH_OPTIONS, type AttachOptions, RESTRICTED_RANGE } from "../attachment.ts";
import { ATTACH_VIRTUAL_DISK_FLAG as FLAG, DETACH_VIRTUAL_DISK_FLAG } from "../constants.ts";
import { errorCode } from "../error_codes.ts";
import { virtualDiskError } from "../errors.ts";
import { byteCount, checkOptions } from "../arguments.ts";
import { NativeAttachment } from "./attachment.ts";
import { assertSuccess, type CalledDisk } from "./called_disk.ts";
import { waitForDisk } from "./disk_arrival.ts";
import { flagsOf } from "./flags_of.ts";
import { MountPoint } from "./mount_point.ts";
import { runToEnd } from "./overlapped.ts";
import { ATTACH_VIRTUAL_DISK_PARAMETERS, type AttachVirtualDiskParameters } from "./structs.ts";

const ATTACH = "AttachVirtualDisk";
const DETACH = "DetachVirtualDisk";
const NO_PROVIDER_FLAGS = 0;
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

  /** Attaches the disk and waits for its volumes; detaches it again where those cannot be had. */
  async run(detachLater: () => Promise<void>): Promise<NativeAttachment> {
    const { permanent = false, noLocalHost, signal } = this.#options;
    await this.#attach();
    try {
      let attached = noLocalHost ? undefined : await waitForDisk(this.#disk, {
        timeout: this.#timeout,
        hasVolumes: !this.#options.nonPnp || this.#options.registerVolume === true,
        signal,
      });
      attached &&= this.#mountPoint?.mount(attached, this.#disk.path) ?? attached;
      return new NativeAttachment(attached, permanent, this.#mountPoint, detachLater);
    } catch (error) {
      // Whether or not this succeeds, the first error says what is wrong.
      await detachAsync(this.#disk);
      throw error;
    }
  }

  async #attach(): Promise<void> {
    const { libraries, handle, path } = this.#disk;
    const { signal, securityDescriptor } = this.#options;
    await runToEnd({ libraries, operation: ATTACH, path }, { signal }, (overlapped, memory) => {
      const code = libraries.virtdisk.AttachVirtualDisk(
        handle,
        securityDescriptor === undefined ? null : memory.keep(securityDescriptor.slice()),
        this.#flags,
        NO_PROVIDER_FLAGS,
        memory.keep(ATTACH_VIRTUAL_DISK_PARAMETERS.pack(this.#parameters)),
        overlapped,
      );
      return { code, handle };
    });
  }
}

/**
 * Detaches a disk, holding the thread up.
 *
 * @throws {VirtualDiskError} With the code that the call returns.
 */
export function detach({ handle, libraries: { virtdisk }, path }: CalledDisk): void {
  const { NONE } = DETACH_VIRTUAL_DISK_FLAG;
  assertSuccess(virtdisk.DetachVirtualDisk(handle, NONE, NO_PROVIDER_FLAGS), DETACH, path);
}

/** Detaches a disk on another thread; one that is not attached any more is left alone. */
export async function detachIfAttached(disk: CalledDisk): Promise<void> {
  const code = await detachAsync(disk);
  if (code !== errorCode("ERROR_NOT_FOUND")) assertSuccess(code, DETACH, disk.path);
}

function detachAsync({ handle, libraries: { virtdisk } }: CalledDisk): Promise<number> {
  const { NONE } = DETACH_VIRTUAL_DISK_FLAG;
  return virtdisk.DetachVirtualDiskAsync(handle, NONE, NO_PROVIDER_FLAGS);
}

function flagBitsOf(options: AttachOptions, readOnly: boolean): number {
  return flagsOf(
    [readOnly, FLAG.READ_ONLY],
    [options.noDriveLetter, FLAG.NO_DRIVE_LETTER],
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
