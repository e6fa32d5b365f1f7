/**
 * Changes the header as [MS-VHDX] 2.2.2 has it: over the slot that is not current, numbered one higher,
 * durable before anything that relies on it.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import { damaged } from "../image_error.ts";
import { HEADER_OFFSETS } from "./file_map.ts";
import { type CurrentHeader, encodeHeader, type Header } from "./header.ts";

/** No header can follow one of this number. */
export const MAX_SEQUENCE_NUMBER = 2n ** 64n - 1n;

/** The header of a file that is open for writing. */
export class HeaderWriter {
  readonly #file: WritableSource;
  readonly #nextDataWriteGuid: string;
  #current: CurrentHeader;
  #writeAnnounced = false;
  #dataChangeAnnounced = false;

  /**
   * @param nextDataWriteGuid What the first change of the disk makes the data write GUID. Default: random.
   * @throws {ImageError} `ERROR_FILE_CORRUPT` where no header can follow the current one.
   */
  constructor(
    file: WritableSource,
    current: CurrentHeader,
    nextDataWriteGuid: string = crypto.randomUUID(),
  ) {
    this.#file = file;
    this.#current = current;
    this.#nextDataWriteGuid = nextDataWriteGuid;
    this.#nextSequenceNumber();
  }

  get current(): CurrentHeader {
    return this.#current;
  }

  /** Whether the file has been written to since it was opened. */
  get writeAnnounced(): boolean {
    return this.#writeAnnounced;
  }

  /** A new FileWriteGuid, once per open: comes before every other write to the file. */
  announceWrite(): void {
    if (this.#writeAnnounced) return;
    this.update({ fileWriteGuid: crypto.randomUUID() });
    this.#writeAnnounced = true;
  }

  /** A new DataWriteGuid, once per open: comes before the first change that users of the disk can see. */
  announceDataChange(): void {
    if (this.#dataChangeAnnounced) return;
    const dataWriteGuid = this.#nextDataWriteGuid;
    this.update(
      this.#writeAnnounced
        ? { dataWriteGuid }
        : { dataWriteGuid, fileWriteGuid: crypto.randomUUID() },
    );
    this.#writeAnnounced = true;
    this.#dataChangeAnnounced = true;
  }

  /** Makes a change durable. What was written before need not be: flush it first where it must. */
  update(changes: Partial<Header>): void {
    const [first, second] = HEADER_OFFSETS;
    const header: CurrentHeader = {
      ...this.#current,
      ...changes,
      sequenceNumber: this.#nextSequenceNumber(),
      offset: this.#current.offset === first ? second : first,
    };
    this.#file.writeAt(encodeHeader(header), header.offset);
    this.#file.flush();
    this.#current = header;
  }

  /** As {@linkcode update}, for both slots, one after the other: how Windows leaves a file. */
  updateBoth(changes: Partial<Header>): void {
    this.update(changes);
    this.update({});
  }

  #nextSequenceNumber(): bigint {
    const { sequenceNumber, offset } = this.#current;
    if (sequenceNumber < MAX_SEQUENCE_NUMBER) return sequenceNumber + 1n;
    throw damaged(
      this.#file,
      "ERROR_FILE_CORRUPT",
      "header",
      offset,
      `sequence number ${sequenceNumber}`,
      `less than ${MAX_SEQUENCE_NUMBER}, so that another header can follow`,
    );
  }
}
