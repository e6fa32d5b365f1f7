/** How many of all mutants would be noticed, from a sample of them. */
import type { Verdict } from "./trial.ts";

/** Counts of mutants. */
export interface Tally {
  readonly tried: number;
  /** Those with which a test failed, or went on without an end. */
  readonly noticed: number;
}

/** Of what does not even start nobody can say whether tests would notice: it does not count. */
export function tallyOf(verdicts: readonly Pick<Verdict, "end">[]): Tally {
  const count = (...ends: readonly Verdict["end"][]) =>
    verdicts.filter(({ end }) => ends.includes(end)).length;
  return {
    tried: verdicts.length - count("not started"),
    noticed: count("killed", "time", "memory"),
  };
}

/** Of a normal distribution, 95 % lie so many standard deviations or less from the middle. */
const Z = 1.96;

/** Between which shares that of all lies, with a certainty of 95 % (Wilson's interval). */
export function scoreOf({ tried, noticed }: Tally): readonly [low: number, high: number] {
  if (tried === 0) return [0, 1];
  const share = noticed / tried;
  const middle = share + Z ** 2 / (2 * tried);
  const half = Z * Math.sqrt(share * (1 - share) / tried + Z ** 2 / (4 * tried ** 2));
  const scale = 1 + Z ** 2 / tried;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}
