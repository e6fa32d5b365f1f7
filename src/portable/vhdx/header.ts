/**
 * The header and its two slots ([MS-VHDX] 2.2.2). A change is written over the slot that is not
 * current, so that one valid header survives any crash.
 *
 * ```text
 * 0   4   "head"                48  16  LogGuid, zero where the log is empty
 * 4   4   Checksum              64  2   LogVersion
 * 8   8   SequenceNumber        66  2   Version
 * 16  16  FileWriteGuid         68  4   LogLength
 * 32  16  DataWriteGuid         72  8   LogOffset
 * ```
 *
 * @module
 */
import { NIL_GUID, readGuid, writeGuid } from "../../bytes/guid.ts";
import {
  type ByteSource,
  readStructure,
  viewOf,
  type WritableSource,
} from "../file/byte_source.ts";
import { damaged } from "../file/image_error.ts";
import {
  HEADER_AREA_LENGTH,
  HEADER_OFFSETS,
  MIB,
  readUint64,
  sealStructure,
  structureFault,
  writeUint64,
} from "./file_map.ts";

const HEADER_LENGTH = 4096;
const SIGNATURE = "head";
const SEQUENCE_NUMBER = 8;
const FILE_WRITE_GUID = 16;
const DATA_WRITE_GUID = 32;
const LOG_GUID = 48;
const LOG_VERSION = 64;
const VERSION = 66;
const LOG_LENGTH = 68;
const LOG_OFFSET = 72;

/** The only versions there are. */
const SUPPORTED_VERSION = 1;
const SUPPORTED_LOG_VERSION = 0;
/** No writer makes a larger log than 1 MiB unasked; the cap bounds what a replay may take. */
const MAX_LOG_LENGTH = 1024 * MIB;

/** What a header says. */
export interface Header {
  /** Unsigned, 64 bits; the greater of two valid headers is current. */
  readonly sequenceNumber: bigint;
  readonly fileWriteGuid: string;
  readonly dataWriteGuid: string;
  /** `NIL_GUID` where the log is empty, whatever bytes it holds. */
  readonly logGuid: string;
  readonly logVersion: number;
  readonly version: number;
  /** Bytes. */
  readonly logLength: number;
  /** Bytes from the start of the file. */
  readonly logOffset: number;
}

/** A header and the slot that it was read from. */
export interface CurrentHeader extends Header {
  /** The file offset of its slot. */
  readonly offset: number;
}

/**
 * Reads the current header and checks that the file can be read by it.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where no slot is current or the log lies wrong,
 * `ERROR_VHD_FORMAT_UNSUPPORTED_VERSION` where the file is of another version.
 */
export function readCurrentHeader(source: ByteSource): CurrentHeader {
  const header = currentHeader(source);
  assertVersions(source, header);
  assertLogPlace(source, header);
  return header;
}

function currentHeader(source: ByteSource): CurrentHeader {
  const [firstOffset, secondOffset] = HEADER_OFFSETS;
  const first = readSlot(source, firstOffset);
  const second = readSlot(source, secondOffset);
  const firstFault = structureFault(SIGNATURE, first);
  const secondFault = structureFault(SIGNATURE, second);
  if (firstFault !== undefined && secondFault !== undefined) {
    throw damaged(
      source,
      "ERROR_FILE_CORRUPT",
      "headers",
      firstOffset,
      `${firstFault}; at ${secondOffset} ${secondFault}`,
      "one valid header",
      ["both copies"],
    );
  }
  if (secondFault !== undefined) return decodeHeader(first, firstOffset);
  if (firstFault !== undefined) return decodeHeader(second, secondOffset);
  const [header, other] = [decodeHeader(first, firstOffset), decodeHeader(second, secondOffset)];
  if (header.sequenceNumber === other.sequenceNumber && first.some((b, i) => b !== second[i])) {
    throw damaged(
      source,
      "ERROR_FILE_CORRUPT",
      "headers",
      secondOffset + SEQUENCE_NUMBER,
      `sequence number ${other.sequenceNumber} in two headers that differ`,
      "different sequence numbers",
    );
  }
  return other.sequenceNumber > header.sequenceNumber ? other : header;
}

/** What is wrong with the header in the slot at `offset`; `undefined` where it is valid. */
export function headerFault(source: ByteSource, offset: number): string | undefined {
  return structureFault(SIGNATURE, readSlot(source, offset));
}

function readSlot(source: ByteSource, offset: number): Uint8Array<ArrayBuffer> {
  return readStructure(source, offset, HEADER_LENGTH, "header", "ERROR_FILE_CORRUPT");
}

function decodeHeader(bytes: Uint8Array, offset: number): CurrentHeader {
  const view = viewOf(bytes);
  return {
    offset,
    sequenceNumber: view.getBigUint64(SEQUENCE_NUMBER, true),
    fileWriteGuid: readGuid(bytes, FILE_WRITE_GUID),
    dataWriteGuid: readGuid(bytes, DATA_WRITE_GUID),
    logGuid: readGuid(bytes, LOG_GUID),
    logVersion: view.getUint16(LOG_VERSION, true),
    version: view.getUint16(VERSION, true),
    logLength: view.getUint32(LOG_LENGTH, true),
    logOffset: readUint64(view, LOG_OFFSET),
  };
}

/** The bytes of a header, checksum included. */
export function encodeHeader(header: Header): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_LENGTH);
  const view = viewOf(bytes);
  new TextEncoder().encodeInto(SIGNATURE, bytes);
  view.setBigUint64(SEQUENCE_NUMBER, header.sequenceNumber, true);
  writeGuid(bytes, FILE_WRITE_GUID, header.fileWriteGuid);
  writeGuid(bytes, DATA_WRITE_GUID, header.dataWriteGuid);
  writeGuid(bytes, LOG_GUID, header.logGuid);
  view.setUint16(LOG_VERSION, header.logVersion, true);
  view.setUint16(VERSION, header.version, true);
  view.setUint32(LOG_LENGTH, header.logLength, true);
  writeUint64(view, LOG_OFFSET, header.logOffset);
  sealStructure(bytes);
  return bytes;
}

function assertVersions(source: ByteSource, header: CurrentHeader): void {
  const unsupported = (field: number, found: number, expected: number) =>
    damaged(
      source,
      "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION",
      "header",
      header.offset + field,
      field === VERSION ? `version ${found}` : `log version ${found}`,
      String(expected),
    );
  if (header.version !== SUPPORTED_VERSION) {
    throw unsupported(VERSION, header.version, SUPPORTED_VERSION);
  }
  // An empty log is never parsed, so its version does not matter.
  if (header.logGuid !== NIL_GUID && header.logVersion !== SUPPORTED_LOG_VERSION) {
    throw unsupported(LOG_VERSION, header.logVersion, SUPPORTED_LOG_VERSION);
  }
}

function assertLogPlace(source: ByteSource, header: CurrentHeader): void {
  const { logOffset, logLength } = header;
  const misplaced = (field: number, found: number, expected: string) =>
    damaged(source, "ERROR_FILE_CORRUPT", "header", header.offset + field, found, expected);
  if (logLength % MIB !== 0 || logLength > MAX_LOG_LENGTH) {
    throw misplaced(LOG_LENGTH, logLength, "a log length in whole MiB, at most 1 GiB");
  }
  if (logLength === 0 && header.logGuid !== NIL_GUID) {
    throw misplaced(LOG_LENGTH, logLength, "a log, as its GUID is set");
  }
  // A log without length lies nowhere.
  if (logLength === 0) return;
  if (
    logOffset % MIB !== 0 || logOffset < HEADER_AREA_LENGTH || logOffset + logLength > source.size
  ) {
    throw misplaced(
      LOG_OFFSET,
      logOffset,
      `a log offset in whole MiB, behind the header area, with ${logLength} bytes before the end of ` +
        `file at ${source.size}`,
    );
  }
}

// Changes the header as [MS-VHDX] 2.2.2 has it: over the slot that is not current, numbered one higher,
// durable before anything that relies on it.

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
