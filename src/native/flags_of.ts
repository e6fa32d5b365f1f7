/** Options that are flags each. */

/** The bits of the options that are set. */
export function flagsOf(...flags: readonly (readonly [boolean | undefined, number])[]): number {
  return flags.reduce((sum, [isSet, bit]) => isSet ? sum | bit : sum, 0);
}
