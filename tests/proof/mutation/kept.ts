/** What is known of mutants that no test notices: why none can, or what would be to do. */
import { type Mutant, nameOf } from "./mutants.ts";
import kept from "./kept.json" with { type: "json" };

/** Why a mutant is not noticed. */
export interface Kept {
  /** See {@linkcode nameOf}. */
  readonly name: string;
  /** `same`: it does the same, or is only a matter of speed or memory. `gap`: a test could notice. */
  readonly kind: "same" | "gap";
  readonly why: string;
}

const KEPT = new Map((kept as readonly Kept[]).map((each) => [each.name, each]));

/** `undefined` of one that nobody has looked at. */
export function keptOf(mutant: Mutant): Kept | undefined {
  return KEPT.get(nameOf(mutant));
}
