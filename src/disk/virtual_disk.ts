/**
 * What every open disk can do, whichever backend opened it.
 *
 * @module
 */
import {
  BOOLEAN,
  checkArgument,
  checkOptions,
  type Kind,
  oneOf,
  type OptionKinds,
} from "./arguments.ts";
import { DriverDisk } from "./driver_disk.ts";
import { isErrorOf, VirtualDiskError } from "../errors/error.ts";
import {
  INFORMATION_KINDS,
  type InformationChange,
  informationChange,
  type InformationKind,
  type SettableInformation,
  type SettableKind,
  type VirtualDiskInformation,
} from "./information.ts";
import { type MetadataStore, VirtualDiskMetadata } from "./metadata.ts";

const INFORMATION_KIND: Kind = {
  ...oneOf(...INFORMATION_KINDS),
  expected: 'a class of information, such as "size"',
};

/** How `information` takes classes that cannot be read. */
export interface InformationOptions {
  /**
   * Whether a class that applies to the disk and cannot be read is an error. Otherwise it is left out.
   *
   * @default {false}
   */
  strict?: boolean;
}

const INFORMATION_OPTIONS: OptionKinds<InformationOptions> = { strict: BOOLEAN };

/** Kinds that may fail on a healthy disk, for reasons that Windows does not tell. */
const UNRELIABLE_KINDS: ReadonlySet<InformationKind> = new Set([
  "smallestSafeVirtualSize",
  "fragmentationPercentage",
]);

/**
 * An open virtual disk. It is closed by `using`, or by {@linkcode VirtualDisk.close}; the garbage
 * collector never closes it.
 */
export abstract class VirtualDisk extends DriverDisk {
  /**
   * One class of information, as GetVirtualDiskInformation gives it.
   *
   * @example How large a disk is
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, { size: 64 * 1024 * 1024 });
   * const { virtualSize, blockSize } = disk.getInformation("size");
   * console.log(virtualSize, blockSize); // 67108864 33554432
   * ```
   *
   * @param kind Which class.
   * @returns Its value.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` where the class does not fit the disk,
   * `ERROR_NOT_SUPPORTED` where the backend cannot tell, `ERROR_ACCESS_DENIED` where the disk was
   * opened without the `get-info` right, `ERROR_INVALID_HANDLE` after `close()`.
   */
  getInformation<K extends InformationKind>(kind: K): VirtualDiskInformation[K] {
    this.assertOpen("GetVirtualDiskInformation");
    checkArgument(INFORMATION_KIND, kind, "kind");
    return this.queryInformation(kind);
  }

  /**
   * Every class of information that applies to this disk and that the backend can tell.
   *
   * @example What there is to know
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, { size: 64 * 1024 * 1024 });
   * for (const [kind, value] of Object.entries(disk.information())) console.log(kind, value);
   * ```
   *
   * @param options Whether a class that cannot be read is an error.
   * @returns An object with a key per class. A class that does not apply has no key, nor has one that cannot be read,
   * whatever the reason: `getInformation` says it.
   * @throws {VirtualDiskError} `ERROR_INVALID_HANDLE` after `close()`; if no class can be read, what the first fails
   * with, such as `ERROR_ACCESS_DENIED` of a disk that was opened without the `get-info` right; with `strict`, what
   * the first class fails with that applies to the disk.
   */
  information(options: InformationOptions = {}): Partial<VirtualDiskInformation> {
    this.assertOpen("GetVirtualDiskInformation");
    const { strict = false } = checkOptions(INFORMATION_OPTIONS, options, "information");
    const entries: [InformationKind, unknown][] = [];
    let first: VirtualDiskError | undefined;
    for (const kind of this.likelyKinds()) {
      try {
        entries.push([kind, this.getInformation(kind)]);
      } catch (error) {
        const isOfDisk = !(error instanceof VirtualDiskError) ||
          isErrorOf(error, "ERROR_INVALID_HANDLE");
        if (isOfDisk || strict && !doesNotApply(kind, error)) throw error;
        first ??= error;
      }
    }
    if (entries.length === 0 && first !== undefined) throw first;
    return Object.fromEntries(entries);
  }

  /**
   * Sets one class of information, as SetVirtualDiskInformation does. The disk must be open for writing
   * and not attached.
   *
   * @example Tell a child where its parent is now
   * ```ts
   * import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * const parent = `${folder}/base.vhdx`;
   * (await createVirtualDisk(parent, { size: 64 * 1024 * 1024 })).close();
   * (await createVirtualDisk(`${folder}/child.vhdx`, { parent })).close();
   * await Deno.mkdir(`${folder}/moved`);
   * await Deno.rename(parent, `${folder}/moved/base.vhdx`);
   *
   * using child = await openVirtualDisk(`${folder}/child.vhdx`, {
   *   readOnly: false,
   *   flags: ["no-parents"],
   * });
   * child.setInformation("parentPath", `${folder}/moved/base.vhdx`);
   * ```
   *
   * @param kind Which class.
   * @param value Its new value.
   * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED` where the backend cannot set the class,
   * `ERROR_VHD_INVALID_TYPE` where it does not fit the disk, `ERROR_ACCESS_DENIED` where the disk was opened
   * for reading, `ERROR_VHD_INVALID_STATE` on the portable backend for what children know the disk by, where
   * there are any in its folder (see `OpenOptions.ignoreChildren`), `ERROR_INVALID_HANDLE` after `close()`.
   * @throws {TypeError | RangeError} Where the value is none of the class.
   */
  setInformation<K extends SettableKind>(kind: K, value: SettableInformation[K]): void {
    this.assertOpen("SetVirtualDiskInformation");
    this.changeInformation(informationChange(kind, value));
  }

  /**
   * The user metadata of a VHDX: bytes by GUIDs. Each of its methods throws `ERROR_NOT_SUPPORTED` where the
   * format has none, and `ERROR_INVALID_HANDLE` after `close()`.
   */
  get metadata(): VirtualDiskMetadata {
    return new VirtualDiskMetadata((operation) => {
      this.assertOpen(operation);
      return this.metadataStore(operation);
    });
  }

  /** The classes that are worth asking for: a backend leaves out what it knows to have no answer. */
  protected likelyKinds(): readonly InformationKind[] {
    return INFORMATION_KINDS;
  }

  /** Has the backend set a class of information. */
  protected changeInformation(_change: InformationChange): void {
    throw this.unsupported("SetVirtualDiskInformation");
  }

  /** The backend's user metadata, for one operation. */
  protected metadataStore(operation: string): MetadataStore {
    throw this.unsupported(operation);
  }

  /** Asks the backend for a class of information. */
  protected abstract queryInformation<K extends InformationKind>(
    kind: K,
  ): VirtualDiskInformation[K];
}

/**
 * Whether `error` says that a class has no answer for this disk: wrong kind of disk, a backend or a
 * Windows that does not know the class (87 and 1 are what older systems give for a newer class).
 */
function doesNotApply(kind: InformationKind, error: unknown): boolean {
  const isFailure = isErrorOf(
    error,
    "ERROR_INVALID_HANDLE",
    "ERROR_ACCESS_DENIED",
    "ERROR_IO_DEVICE",
  );
  if (isFailure) return false;
  if (UNRELIABLE_KINDS.has(kind)) return error instanceof VirtualDiskError;
  return isErrorOf(
    error,
    "ERROR_VHD_INVALID_TYPE",
    "ERROR_NOT_SUPPORTED",
    "ERROR_INVALID_PARAMETER",
    "ERROR_INVALID_FUNCTION",
    "ERROR_CALL_NOT_IMPLEMENTED",
  );
}
