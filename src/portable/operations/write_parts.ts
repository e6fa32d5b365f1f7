/**
 * Writes the structures of a new image, stage by stage.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import type { WritableSource } from "../byte_source.ts";
import type { BlockSet } from "./block_set.ts";
import type { ImageLayout } from "./image_layout.ts";

/**
 * Gives the file its length and its structures. Each stage is durable before the next is begun: a crash
 * leaves a whole image or none.
 *
 * @throws {ImageError} What the file system says.
 */
export function writeParts(file: WritableSource, layout: ImageLayout, blocks: BlockSet): void {
  const parts = layout.parts(blocks);
  // What is never written reads as zeros, and takes no space where the file system can do so.
  file.truncate(layout.byteLength(blocks.count));
  for (let stage = 0; stage < layout.stages; stage++) {
    for (const part of parts) {
      if (part.stage !== stage) continue;
      let offset = part.offset;
      for (const bytes of part.bytes()) {
        if (!isAllZero(bytes)) file.writeAt(bytes, offset);
        offset += bytes.length;
      }
    }
    file.flush();
  }
}
