/** The call of RawSCSIVirtualDisk. */
import { BYTES, checkArgument, checkOptions, uint32 } from "../disk/arguments.ts";
import { RAW_SCSI_VIRTUAL_DISK_FLAG } from "../constants.ts";
import { virtualDiskError } from "../errors/error.ts";
import { SCSI_REQUEST, type ScsiRequest, type ScsiResponse } from "../disk/driver_options.ts";
import { assertSuccess, type CalledDisk, newerFunction } from "./call/disk_call.ts";
import { CallMemory } from "./call/memory.ts";
import { RAW_SCSI_VIRTUAL_DISK_PARAMETERS, RAW_SCSI_VIRTUAL_DISK_RESPONSE } from "./ffi/structs.ts";

const OPERATION = "RawSCSIVirtualDisk";
/** The lengths of the command and of sense data are single bytes. */
const UINT8_MAX = 0xff;
const USUAL_SENSE_LENGTH = 32;
/** What {@linkcode CallMemory.addressOf} needs. */
const SHORTEST_BUFFER = 2;

/**
 * Sends a SCSI command.
 *
 * @throws {VirtualDiskError} With the code that the call returns; `ERROR_CALL_NOT_IMPLEMENTED` where this
 * Windows lacks the function; `ERROR_INVALID_DATA` where the answer tells of more than there is room for.
 * @throws {TypeError | RangeError} Where the command is none.
 */
export function rawScsi(disk: CalledDisk, given: ScsiRequest): ScsiResponse {
  const request = checkOptions(SCSI_REQUEST, given, "rawScsi");
  const { cdb, data = new Uint8Array(), dataIn = true, rsvd = false } = request;
  const senseLength = uint32(request.senseLength ?? USUAL_SENSE_LENGTH, "senseLength");
  checkArgument(BYTES, cdb, "cdb");
  if (cdb.length < 1 || cdb.length > UINT8_MAX) {
    throw new RangeError(`cdb is ${cdb.length} bytes long, not 1 to ${UINT8_MAX}`);
  }
  if (senseLength > UINT8_MAX) throw new RangeError(`senseLength is beyond ${UINT8_MAX}`);
  uint32(data.length, "data.length");

  const { virtdisk, kernel32 } = disk.libraries;
  const send = newerFunction(virtdisk, OPERATION);
  using memory = new CallMemory(kernel32);
  // Copies: what a script passes may be too short to be pointed to, or shared with another thread.
  const dataBuffer = bufferOf(data.length, data);
  const senseBuffer = bufferOf(senseLength);
  const parameters = RAW_SCSI_VIRTUAL_DISK_PARAMETERS.pack({
    Version: 1,
    Version1: {
      RSVDHandle: rsvd,
      DataIn: dataIn ? 1 : 0,
      CdbLength: cdb.length,
      SenseInfoLength: senseLength,
      SrbFlags: uint32(request.srbFlags ?? 0, "srbFlags"),
      DataTransferLength: data.length,
      DataBuffer: data.length === 0 ? 0n : memory.addressOf(dataBuffer),
      SenseInfo: senseLength === 0 ? 0n : memory.addressOf(senseBuffer),
      Cdb: memory.addressOf(bufferOf(cdb.length, cdb)),
    },
  });
  const response = RAW_SCSI_VIRTUAL_DISK_RESPONSE.pack({
    Version: 1,
    Version1: { ScsiStatus: 0, SenseInfoLength: 0, DataTransferLength: 0 },
  });
  const code = send(
    disk.handle,
    memory.keep(parameters),
    RAW_SCSI_VIRTUAL_DISK_FLAG.NONE,
    memory.keep(response),
  );
  assertSuccess(code, OPERATION, disk.path);

  const { Version1 } = RAW_SCSI_VIRTUAL_DISK_RESPONSE.unpack(response);
  const transferred = Version1.DataTransferLength;
  if (transferred > data.length || Version1.SenseInfoLength > senseLength) {
    throw virtualDiskError("ERROR_INVALID_DATA", OPERATION, {
      path: disk.path,
      reason: `${transferred} bytes of data and ${Version1.SenseInfoLength} of sense data were ` +
        `given where ${data.length} and ${senseLength} have room`,
    });
  }
  if (dataIn) data.set(dataBuffer.subarray(0, transferred));
  const sense = senseBuffer.slice(0, Version1.SenseInfoLength);
  return { srbStatus: Version1.ScsiStatus, sense, transferred };
}

function bufferOf(length: number, content?: Uint8Array): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(Math.max(length, SHORTEST_BUFFER));
  if (content !== undefined) buffer.set(content);
  return buffer;
}
