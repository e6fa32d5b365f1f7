/** A file whose writes fail at a chosen moment, as on a full disk or a dying one. */
import type { ErrorSymbol } from "../../src/errors/codes.ts";
import { ImageError } from "../../src/portable/file/image_error.ts";
import { RecordingSource } from "./recording_source.ts";
import type { SparseFile } from "./sparse_file.ts";

/** How a change fails. */
export interface Fault {
  readonly name: string;
  readonly symbol: ErrorSymbol;
  /** How much of a write is done nevertheless, in hundredths. */
  readonly written: number;
}

export const FAULTS: readonly Fault[] = [
  { name: "a full disk", symbol: "ERROR_DISK_FULL", written: 0 },
  { name: "a short write", symbol: "ERROR_DISK_FULL", written: 50 },
  { name: "an I/O error", symbol: "ERROR_IO_DEVICE", written: 80 },
  { name: "a lost permission", symbol: "ERROR_ACCESS_DENIED", written: 0 },
];

/** Storage writes whole sectors. */
const SECTOR = 512;

/** Fails the change of the given number, and, as an image file does, every later one. */
export class FaultSource<Event> extends RecordingSource<Event> {
  #failure: ImageError | undefined;
  readonly #number: number;
  readonly #fault: Fault;

  /** @param number Of the change that fails; 0 is the first. */
  constructor(base: SparseFile, number: number, fault: Fault) {
    super(base);
    this.#number = number;
    this.#fault = fault;
  }

  /** Whether it has come to the change that fails. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  override writeAt(bytes: Uint8Array, offset: number): void {
    if (this.#fails()) {
      const end = offset + bytes.length * this.#fault.written / 100;
      const count = Math.floor(end / SECTOR) * SECTOR - offset;
      if (count > 0) super.writeAt(bytes.subarray(0, count), offset);
      this.#throw();
    }
    super.writeAt(bytes, offset);
  }

  override truncate(size: number): void {
    if (this.#fails()) this.#throw();
    super.truncate(size);
  }

  override flush(): void {
    if (this.#fails()) this.#throw();
    super.flush();
  }

  #fails(): boolean {
    if (this.#failure === undefined) return this.changes.length === this.#number;
    throw this.#failure;
  }

  #throw(): never {
    const { name, symbol } = this.#fault;
    this.#failure = new ImageError(symbol, { path: this.path, reason: name });
    throw this.#failure;
  }
}
