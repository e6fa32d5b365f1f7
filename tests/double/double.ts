/**
 * The double of VirtDisk.dll from the test's side: what it shall answer, and what it was asked.
 */
import { AnswerControl } from "./answer_control.ts";
import type { DoubleLibraries } from "./library.ts";
import { OperationControl } from "./operation_control.ts";
import type { FunctionName, ReceivedCalls, ReceivedOpen } from "./records.ts";
import { accepted, ascii, FOREVER, readRecord, SYMBOLS, unitsOf } from "./symbols.ts";

export {
  buildDouble,
  type DoubleBuild,
  type DoubleLibraries,
  doubleNeed,
  oldDoubleNeed,
} from "./library.ts";
export type * from "./records.ts";
export type { ToldDependency } from "./answer_control.ts";
export type { ToldOperation } from "./operation_control.ts";

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

/**
 * Tells the double what to answer, and reads what it was asked. There is one double in a process:
 * making this object resets it. A class of information that nothing was told of answers
 * `ERROR_VHD_INVALID_TYPE`.
 */
export class Double implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  /** Long operations. */
  readonly operations: OperationControl;
  /** Attachments, dependencies, metadata, changes, SCSI. */
  readonly answers: AnswerControl;

  /** The libraries that {@linkcode buildDouble} gave; `keep` leaves the double as it is. */
  constructor(libraries: DoubleLibraries, { keep = false }: { readonly keep?: boolean } = {}) {
    this.#library = Deno.dlopen(libraries.virtdisk, SYMBOLS);
    this.operations = new OperationControl(this.#library.symbols);
    this.answers = new AnswerControl(this.#library.symbols);
    if (!keep) this.reset();
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

  /** How many events are open; 0 on Windows, where they are the system's. */
  get liveEvents(): number {
    return this.#library.symbols.DoubleLiveEvents?.() ?? 0;
  }

  /** How many blocks of the heap were not given back; 0 on Windows, whose heap is the system's. */
  get liveBlocks(): number {
    return this.#library.symbols.DoubleLiveBlocks?.() ?? 0;
  }

  /** Makes the next opens that keep the rules end with `code`. */
  nextOpen(code: number, times = 1): void {
    this.nextResult("OpenVirtualDisk", code, times);
  }

  /** Makes the next calls of a function that keep the rules end with `code`. */
  nextResult(name: FunctionName, code: number, times = 1): void {
    accepted(this.#library.symbols.DoubleNextResult(ascii(name), code, times));
  }

  /** How many calls of a function there were. */
  calls(name: FunctionName): number {
    return this.#library.symbols.DoubleCalls(ascii(name));
  }

  /** Makes calls of OpenVirtualDisk wait, as for a server far away, until they are to go on. */
  holdOpen(wait: boolean): void {
    accepted(this.#library.symbols.DoubleHoldCalls(ascii(wait ? "OpenVirtualDisk" : "")));
  }

  /** How many calls wait. */
  get heldCalls(): number {
    return this.#library.symbols.DoubleHeldCalls();
  }

  /** How many calls that waited found the caller's memory changed. */
  get spoiltCalls(): number {
    return this.#library.symbols.DoubleSpoiltCalls();
  }

  /** The last call of a function; throws where there was none. */
  lastCall<N extends FunctionName>(name: N): ReceivedCalls[N] {
    const record = readRecord((text, size) =>
      this.#library.symbols.DoubleLastCall(ascii(name), text, size)
    );
    if (record === undefined) throw new Error(`${name} was not called`);
    return record as ReceivedCalls[N];
  }

  /** The last call of OpenVirtualDisk. */
  get lastOpen(): ReceivedOpen {
    return this.lastCall("OpenVirtualDisk");
  }

  /** How many calls of GetVirtualDiskInformation there were. */
  get informationCalls(): number {
    return this.calls("GetVirtualDiskInformation");
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

  /** Makes an image the child of another; all that are not named so have no parent then. */
  addParent(child: string, parent: string): void {
    const add = this.#library.symbols.DoubleAddParent;
    accepted(add(unitsOf(`${child}\0`), unitsOf(`${parent}\0`)));
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
