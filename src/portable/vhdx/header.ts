/**
 * The header and its two slots ([MS-VHDX] 2.2.2). A change is written over the slot that is not
 * current, so that one valid header survives any crash.
 *
 * @module
 */
import { bigU64, guid, u16, u32, u64, type ValueOf } from "../../bytes/codec.ts";
import { isEqual } from "../../bytes/equal.ts";
import { NIL_GUID } from "../../bytes/guid.ts";
import { computed, layout, reserved, signature } from "../../bytes/layout.ts";
import { type ByteSource, readStructureInto, type WritableSource } from "../file/byte_source.ts";
import { damaged, damagedField } from "../file/image_error.ts";
import { withSpareBytes } from "../file/spare_bytes.ts";
import { HEADER_AREA_LENGTH, HEADER_OFFSETS, MIB, sealed, structureFault } from "./file_map.ts";

/** The only versions there are. */
const SUPPORTED_VERSION = 1;
const SUPPORTED_LOG_VERSION = 0;
/** No writer makes a larger log than 1 MiB unasked; the cap bounds what a replay may take. */
const MAX_LOG_LENGTH = 1024 * MIB;

/** A header. */
export const HEADER = layout("header", { size: 4096, endian: "little" }, {
  signature: [0, signature("head")],
  checksum: [4, computed(u32)],
  /** Unsigned, 64 bits; the greater of two valid headers is current. */
  sequenceNumber: [8, bigU64],
  fileWriteGuid: [16, guid],
  dataWriteGuid: [32, guid],
  /** `NIL_GUID` where the log is empty, whatever bytes it holds. */
  logGuid: [48, guid],
  logVersion: [64, u16],
  version: [66, u16],
  /** Bytes. */
  logLength: [68, u32],
  /** Bytes from the start of the file. */
  logOffset: [72, u64],
  reserved: [80, reserved(4016)],
});

/** What a header says. */
export type Header = ValueOf<typeof HEADER>;

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
  return withSpareBytes(2 * HEADER.size, (slots) => {
    const [firstOffset, secondOffset] = HEADER_OFFSETS;
    const first = readSlot(source, firstOffset, slots.subarray(0, HEADER.size));
    const second = readSlot(source, secondOffset, slots.subarray(HEADER.size));
    const firstFault = structureFault(HEADER, first);
    const secondFault = structureFault(HEADER, second);
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
    const firstNumber = HEADER.get(first, "sequenceNumber");
    const secondNumber = HEADER.get(second, "sequenceNumber");
    if (firstNumber === secondNumber && !isEqual(first, second)) {
      throw damaged(
        source,
        "ERROR_FILE_CORRUPT",
        "headers",
        secondOffset + HEADER.at.sequenceNumber,
        `sequence number ${secondNumber} in two headers that differ`,
        "different sequence numbers",
      );
    }
    return secondNumber > firstNumber
      ? decodeHeader(second, secondOffset)
      : decodeHeader(first, firstOffset);
  });
}

/** What is wrong with the header in the slot at `offset`; `undefined` where it is valid. */
export function headerFault(source: ByteSource, offset: number): string | undefined {
  return structureFault(HEADER, readSlot(source, offset, new Uint8Array(HEADER.size)));
}

function readSlot(source: ByteSource, offset: number, into: Uint8Array): Uint8Array {
  return readStructureInto(into, source, offset, HEADER.type, "ERROR_FILE_CORRUPT");
}

function decodeHeader(bytes: Uint8Array, offset: number): CurrentHeader {
  return { offset, ...HEADER.unpack(bytes) };
}

/** The bytes of a header, checksum included. */
export function encodeHeader(header: Header): Uint8Array<ArrayBuffer> {
  // A log without length lies nowhere, whatever number stood there.
  const logOffset = header.logLength === 0 ? 0 : header.logOffset;
  return sealed(HEADER, HEADER.pack({ ...header, logOffset }));
}

function assertVersions(source: ByteSource, header: CurrentHeader): void {
  const unsupported = (field: "version" | "logVersion", name: string, expected: number) =>
    damagedField(
      source,
      "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION",
      HEADER.place(field, header.offset),
      `${name} ${header[field]}`,
      String(expected),
    );
  if (header.version !== SUPPORTED_VERSION) {
    throw unsupported("version", "version", SUPPORTED_VERSION);
  }
  // An empty log is never parsed, so its version does not matter.
  if (header.logGuid !== NIL_GUID && header.logVersion !== SUPPORTED_LOG_VERSION) {
    throw unsupported("logVersion", "log version", SUPPORTED_LOG_VERSION);
  }
}

function assertLogPlace(source: ByteSource, header: CurrentHeader): void {
  const { logOffset, logLength } = header;
  const misplaced = (field: "logLength" | "logOffset", expected: string) => {
    const place = HEADER.place(field, header.offset);
    return damagedField(source, "ERROR_FILE_CORRUPT", place, header[field], expected);
  };
  if (logLength % MIB !== 0 || logLength > MAX_LOG_LENGTH) {
    throw misplaced("logLength", "a log length in whole MiB, at most 1 GiB");
  }
  if (logLength === 0 && header.logGuid !== NIL_GUID) {
    throw misplaced("logLength", "a log, as its GUID is set");
  }
  // A log without length lies nowhere.
  if (logLength === 0) return;
  if (
    logOffset % MIB !== 0 || logOffset < HEADER_AREA_LENGTH || logOffset + logLength > source.size
  ) {
    throw misplaced(
      "logOffset",
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
  /** Why the file may have a header that counts and says something else of the log. */
  #failure: unknown;
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

  /**
   * Makes a change durable. What was written before need not be: flush it first where it must. After one of the log
   * that failed there is no other.
   */
  update(changes: Partial<Header>): void {
    this.assertCertain();
    const [first, second] = HEADER_OFFSETS;
    const header: CurrentHeader = {
      ...this.#current,
      ...changes,
      sequenceNumber: this.#nextSequenceNumber(),
      offset: this.#current.offset === first ? second : first,
    };
    try {
      this.#file.writeAt(encodeHeader(header), header.offset);
      this.#file.flush();
    } catch (error) {
      if ("logGuid" in changes || "logOffset" in changes) this.#failure = error;
      throw error;
    }
    this.#current = header;
  }

  /**
   * Comes before every write of the log: of which log a header speaks that was written in part, nobody knows, so that
   * neither may be overwritten, nor be relied on.
   */
  assertCertain(): void {
    if (this.#failure !== undefined) throw this.#failure;
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
