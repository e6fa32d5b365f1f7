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
import { type ByteSource, readStructure, viewOf } from "../byte_source.ts";
import { damaged } from "../image_error.ts";
import { sealStructure, structureFault } from "./checksum.ts";
import { HEADER_AREA_LENGTH, HEADER_OFFSETS, MIB } from "./file_map.ts";
import { readUint64, writeUint64 } from "./uint64.ts";

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
