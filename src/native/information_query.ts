/** The call of GetVirtualDiskInformation. */
import { errorCode } from "../error_codes.ts";
import { VirtualDiskError, virtualDiskError } from "../errors.ts";
import type { VirtDisk } from "./ffi.ts";
import { GET_VIRTUAL_DISK_INFO, type GetVirtualDiskInfo } from "./structs.ts";

const OPERATION = "GetVirtualDiskInformation";
/** Far more than the longest list of paths; what a broken library asks for beyond is not allocated. */
const LARGEST_ANSWER = 1024 * 1024;
/** One to learn the size, one to get the answer, and some in case it grows meanwhile. */
const ROUNDS = 5;
const VERSION_OFFSET = 0;

/** An information class, by its number. */
export type InformationVersion = GetVirtualDiskInfo["Version"];
/** What a class gives. */
export type InformationOf<V extends InformationVersion> = Extract<
  GetVirtualDiskInfo,
  { readonly Version: V }
>;

/**
 * Asks an open disk for a class of information.
 *
 * @param path For errors.
 * @throws {VirtualDiskError} With the code that the call returns.
 */
export function queryInformation<V extends InformationVersion>(
  virtdisk: Pick<VirtDisk, "GetVirtualDiskInformation">,
  handle: bigint,
  version: V,
  path: string,
): InformationOf<V> {
  // VirtDisk.dll does not take less than the structure of the header, whatever the class needs.
  let capacity = GET_VIRTUAL_DISK_INFO.size;
  for (let round = 0; round < ROUNDS; round++) {
    const info = new Uint8Array(capacity);
    new DataView(info.buffer).setUint32(VERSION_OFFSET, version, true);
    const size = new DataView(new ArrayBuffer(4));
    size.setUint32(0, capacity, true);
    const code = virtdisk.GetVirtualDiskInformation(handle, size, info, null);
    if (code === 0) return informationOf(version, info);
    if (!asksForMore(code)) throw new VirtualDiskError(code, OPERATION, { path });
    const wanted = size.getUint32(0, true);
    if (wanted <= capacity || wanted > LARGEST_ANSWER) {
      throw new VirtualDiskError(code, OPERATION, {
        path,
        reason: `${capacity} bytes are too few, and ${wanted} were asked for`,
      });
    }
    capacity = wanted;
  }
  throw virtualDiskError("ERROR_MORE_DATA", OPERATION, {
    path,
    reason: `the answer outgrew ${ROUNDS} buffers`,
  });
}

function asksForMore(code: number): boolean {
  return code === errorCode("ERROR_INSUFFICIENT_BUFFER") || code === errorCode("ERROR_MORE_DATA");
}

function informationOf<V extends InformationVersion>(
  version: V,
  bytes: Uint8Array<ArrayBuffer>,
): InformationOf<V> {
  // The class that was asked for, should the call have left another number there.
  new DataView(bytes.buffer).setUint32(VERSION_OFFSET, version, true);
  return GET_VIRTUAL_DISK_INFO.unpack(bytes) as InformationOf<V>;
}
