/** Which states have been tried: crashes leave the same files again and again, and each is tried once. */
import { createHash } from "node:crypto";
import type { SparseFile } from "./sparse_file.ts";

/** What is asked of files after a crash, as a short text: the same for the same demands alone. */
export type Demand = string;

/** What is asked of a file, or what has been done to it since, makes another demand of one. */
export function demandOf(...what: readonly string[]): Demand {
  const hash = createHash("sha256");
  // With their lengths, no two lists are the same text.
  for (const each of what) hash.update(`${each.length} ${each}`);
  return hash.digest("base64");
}

/** Remembers files and what was asked of them. */
export class TriedStates {
  readonly #tried = new Set<string>();

  /** How many there are. */
  get size(): number {
    return this.#tried.size;
  }

  /** Whether these files have not been tried yet, with this demand. From now on they have. */
  isNew(demand: Demand, files: readonly SparseFile[]): boolean {
    const { size } = this;
    return this.#tried.add(demandOf(demand, ...files.map((file) => file.fingerprint()))).size >
      size;
  }
}
