/** The calls that tell what is attached: the device of a disk, and the images of all attached disks. */
import { decodeUtf16 } from "../bytes/utf16.ts";
import type { CalledDisk } from "./called_disk.ts";
import type { VirtDisk } from "./virtdisk.ts";
import { multiString } from "./multi_string.ts";
import { sizedAnswer } from "./sized_answer.ts";

/** Bytes: longer than any device path, and than those of some images. */
const USUAL_PATH = 512;
/** Bytes: far more than all paths of a machine's attached images. */
const LARGEST_ANSWER = 1024 * 1024;
const UNIT_SIZE = 2;

/**
 * The device path of an attached disk (GetVirtualDiskPhysicalPath): `\\.\PhysicalDriveN` or `\\.\CDROMN`.
 *
 * @throws {VirtualDiskError} With the code that the call returns: `ERROR_DEV_NOT_EXIST` where the disk is
 * not attached.
 */
export function physicalPath({ libraries: { virtdisk }, handle, path }: CalledDisk): string {
  const operation = "GetVirtualDiskPhysicalPath";
  return stringsOf(
    operation,
    path,
    (size, buffer) => virtdisk.GetVirtualDiskPhysicalPath(handle, size, buffer),
  )[0] ?? "";
}

/**
 * The paths of the image files of all disks that are attached to this machine. In spite of its name
 * GetAllAttachedVirtualDiskPhysicalPaths does not give the paths of devices.
 *
 * @throws {VirtualDiskError} With the code that the call returns.
 */
export function attachedImagePaths(virtdisk: VirtDisk): string[] {
  return stringsOf(
    "GetAllAttachedVirtualDiskPhysicalPaths",
    undefined,
    (size, buffer) => virtdisk.GetAllAttachedVirtualDiskPhysicalPaths(size, buffer),
  );
}

function stringsOf(
  operation: string,
  path: string | undefined,
  call: (size: Uint32Array<ArrayBuffer>, buffer: Uint8Array<ArrayBuffer>) => number,
): string[] {
  const { answer } = sizedAnswer({
    operation,
    ...(path === undefined ? {} : { path }),
    unit: "bytes",
    first: USUAL_PATH,
    largest: LARGEST_ANSWER,
    call: (capacity) => {
      const size = Uint32Array.of(capacity);
      // Zeros: whatever the call does not fill in ends the list.
      const buffer = new Uint8Array(capacity);
      const code = call(size, buffer);
      return { code, size: size[0]!, answer: buffer };
    },
  });
  return multiString(decodeUtf16(answer.subarray(0, answer.length - answer.length % UNIT_SIZE)));
}
