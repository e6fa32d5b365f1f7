/**
 * The double of VirtDisk.dll from the test's side: what it shall answer, and what it was asked.
 */
export { buildDouble, type DoubleLibraries, doubleNeed } from "./library.ts";
import type { DoubleLibraries } from "./library.ts";

const SYMBOLS = {
  DoubleReset: { parameters: [], result: "void" },
  DoubleLiveHandles: { parameters: [], result: "u32" },
  DoubleDoubleCloses: { parameters: [], result: "u32", optional: true },
  DoubleNextOpen: { parameters: ["u32", "u32"], result: "void" },
  DoubleLastOpen: { parameters: ["buffer", "u32"], result: "u32" },
  DoubleInformationCalls: { parameters: [], result: "u32" },
  DoubleDemandMore: { parameters: ["u32"], result: "void" },
  DoubleSetClassResult: { parameters: ["u32", "u32"], result: "void" },
  DoubleSetSize: { parameters: ["u64", "u64", "u32", "u32"], result: "void" },
  DoubleSetGuid: { parameters: ["u32", "buffer"], result: "u32" },
  DoubleSetNumber: { parameters: ["u32", "u64"], result: "u32" },
  DoubleSetStorageType: { parameters: ["u32", "buffer"], result: "u32" },
  DoubleSetPhysicalDisk: { parameters: ["u32", "u32", "i32"], result: "void" },
  DoubleSetParentLocation: { parameters: ["i32", "buffer", "u32"], result: "u32" },
  DoubleSetChangeTracking: { parameters: ["i32", "i32", "buffer", "u32"], result: "u32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The parameters structure as it arrived: the members that its version has. */
export interface ReceivedParameters {
  readonly version: number;
  /** Whether all bytes beyond the members of the version were zero. */
  readonly tailIsZero: boolean;
  /** Version 1. */
  readonly rwDepth?: number;
  /** Versions 2 and 3: a BOOL, as its number. */
  readonly getInfoOnly?: number;
  /** Versions 2 and 3: a BOOL, as its number. */
  readonly readOnly?: number;
  /** Versions 2 and 3. */
  readonly resiliencyGuid?: string;
  /** Version 3. */
  readonly snapshotId?: string;
}

/** A call of OpenVirtualDisk as it arrived; `null` where a pointer was NULL. */
export interface ReceivedOpen {
  /** How many calls there were, with this one. */
  readonly calls: number;
  /** What the double answered. */
  readonly result: number;
  readonly accessMask: number;
  readonly flags: number;
  /** Whether there was a place for the handle. */
  readonly handleGiven: boolean;
  readonly storageType: { readonly deviceId: number; readonly vendorId: string } | null;
  readonly parameters: ReceivedParameters | null;
  readonly path: string | null;
}

/** A class of GET_VIRTUAL_DISK_INFO that is one GUID. */
export const GUID_CLASS = { identifier: 2, parentIdentifier: 4, virtualDiskId: 14 } as const;

/** A class of GET_VIRTUAL_DISK_INFO that is one number or BOOL. */
export const NUMBER_CLASS = {
  parentTimestamp: 5,
  providerSubtype: 7,
  is4kAligned: 8,
  vhdPhysicalSectorSize: 10,
  smallestSafeVirtualSize: 11,
  fragmentationPercentage: 12,
  isLoaded: 13,
} as const;

/** Room for the longest path, each unit as up to five digits and a comma. */
const RECORD_BYTES = 256 * 1024;
const FOREVER = 0xffffffff;

/**
 * Tells the double what to answer, and reads what it was asked. There is one double in a process:
 * making this object resets it. A class of information that nothing was told of answers
 * `ERROR_VHD_INVALID_TYPE`.
 */
export class Double implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;

  /** The libraries that {@linkcode buildDouble} gave. */
  constructor(libraries: DoubleLibraries) {
    this.#library = Deno.dlopen(libraries.virtdisk, SYMBOLS);
    this.reset();
  }

  /** Forgets everything: answers, calls, handles. */
  reset(): void {
    this.#library.symbols.DoubleReset();
  }

  /** How many of the handles given out are open. */
  get liveHandles(): number {
    return this.#library.symbols.DoubleLiveHandles();
  }

  /**
   * How many times CloseHandle was called with a handle that was not open; 0 on Windows too, where
   * the double does not see CloseHandle.
   */
  get doubleCloses(): number {
    return this.#library.symbols.DoubleDoubleCloses?.() ?? 0;
  }

  /** Makes the next opens that keep the rules end with `code`. */
  nextOpen(code: number, times = 1): void {
    this.#library.symbols.DoubleNextOpen(code, times);
  }

  /** The last call of OpenVirtualDisk. */
  get lastOpen(): ReceivedOpen {
    const bytes = new Uint8Array(RECORD_BYTES);
    const length = this.#library.symbols.DoubleLastOpen(bytes, bytes.length);
    if (length === 0) throw new Error("The double's record does not fit");
    const record = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length)));
    return { ...record, path: record.path && textOf(record.path) };
  }

  /** How many calls of GetVirtualDiskInformation there were. */
  get informationCalls(): number {
    return this.#library.symbols.DoubleInformationCalls();
  }

  /** Makes GetVirtualDiskInformation ask for more room than it is given, `times` times. */
  demandMore(times = FOREVER): void {
    this.#library.symbols.DoubleDemandMore(times);
  }

  /** Makes each query of a class (by its number, 1 to 15) end with `code`. */
  setClassResult(infoClass: number, code: number): void {
    this.#library.symbols.DoubleSetClassResult(infoClass, code);
  }

  /** GET_VIRTUAL_DISK_INFO_SIZE, in bytes. */
  setSize(
    size: {
      virtualSize: bigint | number;
      physicalSize: bigint | number;
      blockSize: number;
      sectorSize: number;
    },
  ): void {
    this.#library.symbols.DoubleSetSize(
      BigInt(size.virtualSize),
      BigInt(size.physicalSize),
      size.blockSize,
      size.sectorSize,
    );
  }

  /** One of the classes that are a GUID. */
  setGuid(infoClass: keyof typeof GUID_CLASS, guid: string): void {
    accepted(this.#library.symbols.DoubleSetGuid(GUID_CLASS[infoClass], ascii(guid)));
  }

  /** One of the classes that are a number; a BOOL is a number too, and true is whatever is not 0. */
  setNumber(infoClass: keyof typeof NUMBER_CLASS, value: bigint | number): void {
    accepted(this.#library.symbols.DoubleSetNumber(NUMBER_CLASS[infoClass], BigInt(value)));
  }

  /** GET_VIRTUAL_DISK_INFO_VIRTUAL_STORAGE_TYPE. */
  setStorageType(deviceId: number, vendorId: string): void {
    accepted(this.#library.symbols.DoubleSetStorageType(deviceId, ascii(vendorId)));
  }

  /** GET_VIRTUAL_DISK_INFO_PHYSICAL_DISK; sizes in bytes. */
  setPhysicalDisk(logicalSectorSize: number, physicalSectorSize: number, isRemote: number): void {
    this.#library.symbols.DoubleSetPhysicalDisk(logicalSectorSize, physicalSectorSize, isRemote);
  }

  /**
   * GET_VIRTUAL_DISK_INFO_PARENT_LOCATION.
   *
   * @param text Exactly what the buffer shall hold, NULs included: see {@linkcode multiString}.
   */
  setParentLocation(resolved: number, text: string): void {
    const units = unitsOf(text);
    accepted(this.#library.symbols.DoubleSetParentLocation(resolved, units, units.length));
  }

  /**
   * GET_VIRTUAL_DISK_INFO_CHANGE_TRACKING_STATE.
   *
   * @param mostRecentId Exactly what the buffer shall hold, the NUL included.
   */
  setChangeTracking(enabled: number, newerChanges: number, mostRecentId: string): void {
    const units = unitsOf(mostRecentId);
    accepted(
      this.#library.symbols.DoubleSetChangeTracking(enabled, newerChanges, units, units.length),
    );
  }

  /** Unloads the double's test functions. */
  [Symbol.dispose](): void {
    this.#library.close();
  }
}

/** Strings as Windows lists them: a NUL after each, and one more at the end. */
export function multiString(...strings: readonly string[]): string {
  return strings.map((text) => `${text}\0`).join("") + "\0";
}

function accepted(result: number): void {
  if (result === 0) {
    throw new TypeError("The double was told something that does not fit the class");
  }
}

function ascii(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** Unit by unit: text that goes to the double need not be well-formed. */
function unitsOf(text: string): Uint16Array<ArrayBuffer> {
  return Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}

function textOf(units: readonly number[]): string {
  return units.map((unit) => String.fromCharCode(unit)).join("");
}
