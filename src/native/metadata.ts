/** The calls of the user metadata: Enumerate-, Get-, Set- and DeleteVirtualDiskMetadata. */
import { readGuid, writeGuid } from "../bytes/guid.ts";
import { errorCode } from "../errors/codes.ts";
import { isErrorOf } from "../errors/error.ts";
import type { MetadataStore } from "../disk/metadata.ts";
import { assertSuccess, type CalledDisk } from "./call/disk_call.ts";
import { sizedAnswer } from "./call/sized_answer.ts";

const GUID_SIZE = 16;
/** The format allows 2047 items, the system's own included (VHDX specification, section 2.6.1). */
const MOST_ITEMS = 2047;
/** The format's limit (VHDX specification, section 2.6.1.2). */
const LARGEST_ITEM = 1024 * 1024;

/** The user metadata items of an open VHDX. */
export class NativeMetadata implements MetadataStore {
  readonly #disk: CalledDisk;

  constructor(disk: CalledDisk) {
    this.#disk = disk;
  }

  keys(): string[] {
    const { libraries: { virtdisk }, handle, path } = this.#disk;
    const { answer, size } = sizedAnswer({
      operation: "EnumerateVirtualDiskMetadata",
      path,
      unit: "items",
      first: 0,
      largest: MOST_ITEMS,
      call: (capacity) => {
        const count = Uint32Array.of(capacity);
        const ids = new Uint8Array(capacity * GUID_SIZE);
        const code = virtdisk.EnumerateVirtualDiskMetadata(handle, count, ids);
        return { code, size: count[0]!, answer: ids };
      },
    });
    return Array.from({ length: size }, (_, i) => readGuid(answer, i * GUID_SIZE));
  }

  get(id: string): Uint8Array<ArrayBuffer> | undefined {
    const { libraries: { virtdisk }, handle, path } = this.#disk;
    const item = guidBytes(id);
    try {
      const { answer, size } = sizedAnswer({
        operation: "GetVirtualDiskMetadata",
        path,
        unit: "bytes",
        first: 0,
        largest: LARGEST_ITEM,
        call: (capacity) => {
          const count = Uint32Array.of(capacity);
          const bytes = new Uint8Array(capacity);
          const code = virtdisk.GetVirtualDiskMetadata(handle, item, count, bytes);
          return { code, size: count[0]!, answer: bytes };
        },
      });
      return answer.slice(0, size);
    } catch (error) {
      if (isErrorOf(error, "ERROR_NOT_FOUND", "ERROR_FILE_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  set(id: string, value: Uint8Array): void {
    const { libraries: { virtdisk }, handle, path } = this.#disk;
    // An empty array would arrive as NULL, which the page does not allow; and what a script shares
    // with a worker may not be passed.
    const bytes = new Uint8Array(Math.max(value.length, 1));
    bytes.set(value);
    const code = virtdisk.SetVirtualDiskMetadata(handle, guidBytes(id), value.length, bytes);
    assertSuccess(code, "SetVirtualDiskMetadata", path);
  }

  delete(id: string): boolean {
    const { libraries: { virtdisk }, handle, path } = this.#disk;
    const code = virtdisk.DeleteVirtualDiskMetadata(handle, guidBytes(id));
    if (isAbsent(code)) return false;
    assertSuccess(code, "DeleteVirtualDiskMetadata", path);
    return true;
  }
}

/** No page says which code an absent item gives: these two mean nothing else here. */
function isAbsent(code: number): boolean {
  return code === errorCode("ERROR_NOT_FOUND") || code === errorCode("ERROR_FILE_NOT_FOUND");
}

function guidBytes(id: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(GUID_SIZE);
  writeGuid(bytes, 0, id);
  return bytes;
}
