/** The formats under test, and new images of them in memory. */
import type { WritableSource } from "../../src/portable/file/byte_source.ts";
import type { ImageSpec } from "../../src/portable/image/image.ts";
import { createVhd } from "../../src/portable/vhd/create.ts";
import { createVhdx } from "../../src/portable/vhdx/create.ts";
import { SparseFile } from "./sparse_file.ts";

/** Writes a new image. */
export type Create = (file: WritableSource, spec: ImageSpec) => void;

export const createVhdIn = createVhd;
export const createVhdxIn = createVhdx;

/** A new image. */
export function newImage(create: Create, spec: ImageSpec): SparseFile {
  const file = new SparseFile();
  create(file, spec);
  return file;
}
