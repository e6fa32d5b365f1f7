/**
 * The log as a ring of sectors ([MS-VHDX] 2.3). Positions are bytes from the start of the log, counted
 * on beyond its end where an entry wraps around.
 *
 * @module
 */
import { type ByteSource, readStructure } from "../byte_source.ts";
import { LOG_SECTOR_SIZE } from "./file_map.ts";
import type { Header } from "./header.ts";

/** Reads the sectors of a log whose place in the file has been checked. */
export class LogRing {
  readonly source: ByteSource;
  /** Entries of any other GUID are not part of the log. */
  readonly guid: string;
  /** Bytes. */
  readonly length: number;
  readonly #offset: number;

  constructor(source: ByteSource, header: Header) {
    this.source = source;
    this.guid = header.logGuid;
    this.length = header.logLength;
    this.#offset = header.logOffset;
  }

  /** Where a position lies in the file. */
  fileOffset(position: number): number {
    return this.#offset + position % this.length;
  }

  /** Whether a range of the file shares bytes with the log. */
  overlaps(offset: number, length: number): boolean {
    return offset < this.#offset + this.length && offset + length > this.#offset;
  }

  /** The sector at a position, which must be a multiple of its size. */
  readSector(position: number): Uint8Array<ArrayBuffer> {
    return readStructure(
      this.source,
      this.fileOffset(position),
      LOG_SECTOR_SIZE,
      "log",
      "ERROR_FILE_CORRUPT",
    );
  }
}
