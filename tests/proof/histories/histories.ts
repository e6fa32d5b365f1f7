/**
 * All short histories: every sequence of a few operations. CrashMonkey and ACE looked for bugs of file systems in this
 * way.
 */
import { Random } from "../../fuzz/random.ts";

/** The alphabet. */
export const LETTERS = [
  "write",
  "write unaligned",
  "write across",
  "zero",
  "trim",
  "flush",
  "grow",
  "shrink",
  "compact",
  "metadata",
  "child",
  "merge",
  "rebase",
  "close",
] as const;

/** An operation. */
export type Letter = typeof LETTERS[number];

/** Operations, one after the other. */
export type History = readonly Letter[];

/** Every sequence of so many operations. */
export function* histories(length: number): Generator<History> {
  if (length === 0) return yield [];
  for (const history of histories(length - 1)) {
    for (const letter of LETTERS) yield [...history, letter];
  }
}

/** Operations in a sequence. */
export const LENGTH = 3;

/** So many of the longest sequences, no two alike; all, if there are no more. */
export function chooseHistories(count: number, seed: number): History[] {
  const left = [...histories(LENGTH)];
  if (count >= left.length) return left;
  const random = new Random(seed);
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0]!);
}
