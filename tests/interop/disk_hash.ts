/** The hash of a whole disk, without the work of hashing its zeros again and again. */
import { createHash } from "node:crypto";
import { type DiskImage, imageExtents } from "../../src/portable/image/image.ts";

const PIECE = 2 ** 20;
const ZEROS = new Uint8Array(PIECE);

/** SHA-256 in hexadecimal of all bytes of a disk without parent. */
export function diskHash(image: DiskImage): string {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(PIECE);
  for (const extent of imageExtents(image, 0, image.virtualSize)) {
    for (let done = 0; done < extent.length;) {
      const length = Math.min(PIECE, extent.length - done);
      if (extent.kind === "parent") throw new Error("the disk has a parent");
      if (extent.kind === "file") {
        const piece = buffer.subarray(0, length);
        const count = image.source.readAt(piece, extent.fileOffset + done);
        if (count < length) throw new Error(`the extent at ${extent.offset} lies beyond the file`);
        hash.update(piece);
      } else {
        hash.update(ZEROS.subarray(0, length));
      }
      done += length;
    }
  }
  return hash.digest("hex");
}
