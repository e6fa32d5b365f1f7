/**
 * Writes entries into the log ([MS-VHDX] 2.3).
 *
 * Every entry is its own tail: before one is written, the pages of the one before are durable in their
 * places. What a crash leaves to replay is therefore a single entry, the last one that is whole, however
 * a reader picks the others.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { WritableSource } from "../byte_source.ts";
import { MIB } from "./file_map.ts";
import type { FileSpace } from "./file_space.ts";
import type { HeaderWriter } from "./header_writer.ts";
import type { LogPage } from "./log_descriptor.ts";
import { encodeLogEntry } from "./log_entry.ts";
import { fillWithZeros } from "./zero_fill.ts";

/**
 * As many as the descriptors of one sector, which some readers take for the limit. Two such entries and a
 * spare sector fit into the smallest log, 1 MiB: the next entry never reaches the one that still counts.
 */
export const MAX_PAGES_PER_ENTRY = 126;

/** Where a file has no log at all, it gets one of this length. */
const NEW_LOG_LENGTH = MIB;

/** The log of a file that is open for writing. Begins empty: what there was has been replayed. */
export class LogWriter {
  readonly #file: WritableSource;
  readonly #headers: HeaderWriter;
  readonly #space: FileSpace;
  /** Bytes from the start of the log, less than its length. */
  #position = 0;
  #sequenceNumber = 0n;

  constructor(file: WritableSource, headers: HeaderWriter, space: FileSpace) {
    this.#file = file;
    this.#headers = headers;
    this.#space = space;
  }

  /** Whether the file has a log that counts. */
  get isOpen(): boolean {
    return this.#headers.current.logGuid !== NIL_GUID;
  }

  /**
   * Begins a log of a GUID of its own. Its first entry, an empty one, is durable before the header names
   * the GUID: a log without a valid entry is a damaged file.
   */
  open(): void {
    const { logOffset, logLength } = this.#headers.current;
    const place = logLength > 0
      ? { logOffset, logLength }
      : { logOffset: this.#space.allocate(NEW_LOG_LENGTH).offset, logLength: NEW_LOG_LENGTH };
    const logGuid = crypto.randomUUID();
    this.#position = 0;
    this.#sequenceNumber = 0n;
    this.#append({ ...place, logGuid }, []);
    this.#file.flush();
    this.#headers.update({ ...place, logGuid, logVersion: 0 });
  }

  /**
   * Writes an entry, which counts after the next flush. The file's length, and the pages of the entry
   * before, are durable.
   *
   * @param pages At most {@linkcode MAX_PAGES_PER_ENTRY}.
   */
  append(pages: readonly LogPage[]): void {
    this.#append(this.#headers.current, pages);
  }

  /** Declares the log empty. All pages are durable in their places. */
  close(): void {
    this.#headers.updateBoth({ logGuid: NIL_GUID });
  }

  /**
   * Has both headers name another place, durably, so that the old one is free. The log is not open: what lies
   * in the new place is no entry of it, whatever it is, and one that opens has a GUID that nothing there
   * has. It is cleared for the sake of programs that look for entries of any GUID.
   *
   * @param logOffset Where nothing lies, and nothing durable says that something does.
   */
  moveTo(logOffset: number): void {
    fillWithZeros(this.#file, logOffset, this.#headers.current.logLength);
    this.#headers.updateBoth({ logOffset });
  }

  #append(
    { logOffset, logLength, logGuid }: { logOffset: number; logLength: number; logGuid: string },
    pages: readonly LogPage[],
  ): void {
    const flushedFileOffset = Math.floor(this.#file.size / MIB) * MIB;
    this.#sequenceNumber++;
    const entry = encodeLogEntry({
      guid: logGuid,
      sequenceNumber: this.#sequenceNumber,
      tail: this.#position,
      flushedFileOffset,
      lastFileOffset: Math.max(flushedFileOffset, this.#space.end),
      pages,
    });
    const beforeEnd = Math.min(entry.length, logLength - this.#position);
    this.#file.writeAt(entry.subarray(0, beforeEnd), logOffset + this.#position);
    if (beforeEnd < entry.length) this.#file.writeAt(entry.subarray(beforeEnd), logOffset);
    this.#position = (this.#position + entry.length) % logLength;
  }
}
