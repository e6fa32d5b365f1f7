/** A made-up target, for tests of the fuzzer: what is at fault is behind one number after the other. */
import { SparseFile } from "../../crash/sparse_file.ts";
import type { Target } from "./fuzzer.ts";
import type { Base } from "./mutants.ts";

export const MAZE: Base = {
  name: "maze",
  file: SparseFile.of(new Uint8Array(64)),
  fields: [[0, 64]],
  isLittleEndian: false,
  words: [],
  seal: () => {},
};

/** Goes further only if one number after the other is what it looks for. */
export function enter(bytes: Uint8Array): boolean {
  if (bytes.length < 20) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(0) !== 4096) return false;
  if (view.getUint32(8) !== 65536) return false;
  if (view.getUint32(16) !== 0xffffffff) return true;
  throw new TypeError("the end of the maze");
}

export const MAZE_TARGET: Target = {
  name: "maze",
  bases: () => [MAZE],
  run: (file) => enter(file.bytes()),
};
