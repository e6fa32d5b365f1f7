/** The call of GetVirtualDiskInformation. */
import type { VirtDisk } from "./virtdisk.ts";
import { sizedAnswer } from "./sized_answer.ts";
import { GET_VIRTUAL_DISK_INFO, type GetVirtualDiskInfo } from "./structs.ts";

/** Far more than the longest list of paths; what a broken library asks for beyond is not allocated. */
const LARGEST_ANSWER = 1024 * 1024;
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
  const { answer } = sizedAnswer({
    operation: "GetVirtualDiskInformation",
    path,
    unit: "bytes",
    // VirtDisk.dll does not take less than the structure of the header, whatever the class needs.
    first: GET_VIRTUAL_DISK_INFO.size,
    largest: LARGEST_ANSWER,
    call: (capacity) => {
      const info = new Uint8Array(capacity);
      new DataView(info.buffer).setUint32(VERSION_OFFSET, version, true);
      const size = new DataView(new ArrayBuffer(4));
      size.setUint32(0, capacity, true);
      const code = virtdisk.GetVirtualDiskInformation(handle, size, info, null);
      return { code, size: code === 0 ? capacity : size.getUint32(0, true), answer: info };
    },
  });
  // The class that was asked for, should the call have left another number there.
  new DataView(answer.buffer).setUint32(VERSION_OFFSET, version, true);
  return GET_VIRTUAL_DISK_INFO.unpack(answer) as InformationOf<V>;
}
