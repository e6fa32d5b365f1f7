/**
 * What the double answers beyond information classes, from the test's side.
 */
import { accepted, ascii, type DoubleSymbols, FOREVER, unitsOf } from "./symbols.ts";

const MICROSOFT = "ec984aec-a0f9-47e9-901f-71415a66345b";

/** An entry of GetStorageDependencyInformation: version 2, of which version 1 is the beginning. */
export interface ToldDependency {
  /** DEPENDENT_DISK_FLAG_*; default 0. */
  readonly dependencyTypeFlags?: number;
  readonly providerSpecificFlags?: number;
  /** VIRTUAL_STORAGE_TYPE_DEVICE_*; default VHDX. */
  readonly deviceId?: number;
  /** Default Microsoft. */
  readonly vendorId?: string;
  readonly ancestorLevel?: number;
  readonly dependencyDeviceName: string;
  readonly hostVolumeName: string;
  readonly dependentVolumeName: string;
  readonly dependentVolumeRelativePath: string;
}

/** Tells the double about attachments, dependencies, metadata, changes and SCSI. */
export class AnswerControl {
  readonly #symbols: DoubleSymbols;

  /** Of {@linkcode Double}. */
  constructor(symbols: DoubleSymbols) {
    this.#symbols = symbols;
  }

  /**
   * Gives the next disk that is opened or created a handle of this file, so that kernel32's ReadFile and
   * WriteFile on it read and write the file. Operations on such a disk cannot be cancelled.
   */
  backWithFile(path: string): void {
    this.#symbols.DoubleBackWithFile(unitsOf(`${path}\0`));
  }

  /** The number N of `\\.\PhysicalDriveN` of the next disk that is attached; the next count on. Default 7. */
  setDiskNumber(number: number): void {
    this.#symbols.DoubleSetDiskNumber(number);
  }

  /** The whole physical path of the next disk that is attached, at most 259 characters. */
  nextDevicePath(path: string): void {
    accepted(this.#symbols.DoubleNextDevicePath(unitsOf(`${path}\0`)));
  }

  /** Gives a VHDX a dirty log: until it was open for writing once, it opens for reading with 5. */
  soilLog(path: string): void {
    this.#symbols.DoubleSoilLog(unitsOf(`${path}\0`));
  }

  /** How many images are attached. */
  get attachments(): number {
    return this.#symbols.DoubleAttachments();
  }

  /**
   * One more entry that GetStorageDependencyInformation gives, of whatever object it is asked. Without any
   * it answers `ERROR_VIRTDISK_NOT_VIRTUAL_DISK`.
   */
  addDependency(entry: ToldDependency): void {
    const strings = [
      entry.dependencyDeviceName,
      entry.hostVolumeName,
      entry.dependentVolumeName,
      entry.dependentVolumeRelativePath,
    ];
    accepted(this.#symbols.DoubleAddDependency(
      entry.dependencyTypeFlags ?? 0,
      entry.providerSpecificFlags ?? 0,
      entry.deviceId ?? 3,
      ascii(entry.vendorId ?? MICROSOFT),
      entry.ancestorLevel ?? 0,
      unitsOf(strings.map((text) => `${text}\0`).join("")),
    ));
  }

  /** Makes GetStorageDependencyInformation ask for more room than it is given, `times` times. */
  demandMoreDependencies(times = FOREVER): void {
    this.#symbols.DoubleDemandMoreDependencies(times);
  }

  /** Makes GetStorageDependencyInformation answer `ERROR_MORE_DATA` with answers that fit. */
  dependenciesWithMoreData(): void {
    this.#symbols.DoubleDependenciesWithMoreData();
  }

  /**
   * Makes the next calls of ReadFile and WriteFile end with an NTSTATUS, or not start (0x103), while GetLastError
   * says `code`, as when a collection has changed it. Off Windows alone.
   */
  nextTransfer(status: number, code: number, times = 1): void {
    if (!this.#symbols.DoubleNextTransfer) throw new TypeError("Windows transfers by itself");
    this.#symbols.DoubleNextTransfer(status, code, times);
  }

  /** Makes the next calls of kernel32 that move, delete or open a file fail. Off Windows alone. */
  nextFileResult(code: number, times = 1): void {
    if (!this.#symbols.DoubleNextFileResult) throw new TypeError("Windows has files of its own");
    this.#symbols.DoubleNextFileResult(code, times);
  }

  /** What metadata calls answer where the buffer is too small: 122, as at first, or 234. */
  setTooSmallCode(code: 122 | 234): void {
    this.#symbols.DoubleSetTooSmallCode(code);
  }

  /** One more range, in bytes, that has changed; each begins beyond the one before. */
  addChange(byteOffset: number, byteLength: number): void {
    accepted(this.#symbols.DoubleAddChange?.(BigInt(byteOffset), BigInt(byteLength)) ?? 0);
  }

  /** The most ranges that a query of changes gives, however much room it has. */
  limitChanges(ranges: number): void {
    this.#symbols.DoubleLimitChanges?.(ranges);
  }

  /** What RawSCSIVirtualDisk answers from now on. */
  answerScsi(
    answer: {
      scsiStatus?: number;
      sense?: Uint8Array<ArrayBuffer>;
      data?: Uint8Array<ArrayBuffer>;
    },
  ): void {
    const { scsiStatus = 0, sense = new Uint8Array(), data = new Uint8Array() } = answer;
    accepted(
      this.#symbols.DoubleAnswerScsi?.(scsiStatus, sense, sense.length, data, data.length) ?? 0,
    );
  }
}
