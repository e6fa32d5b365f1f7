/** What is done again and again. */
import { doubleNeed } from "../../double/double.ts";
import type { Need } from "../../support.ts";
import { cancellations } from "./cancellations.ts";
import { failures } from "./failures.ts";
import { nativeCalls } from "./native_calls.ts";
import { forgotten, manyDisks, opens } from "./opens.ts";
import type { Phase } from "./phase.ts";
import { workers } from "./workers.ts";

/** A phase, and how much of it there is beside the opens. */
interface PhaseKind {
  readonly phase: Phase;
  /** Of so many opens one of it. */
  readonly oneIn: number;
  readonly needs?: readonly Need[];
}

/** By name. */
export const PHASES: Readonly<Record<string, PhaseKind>> = {
  "opens": { phase: opens, oneIn: 1 },
  "failures of each kind": { phase: failures, oneIn: 10 },
  "cancellations": { phase: cancellations, oneIn: 10 },
  "disks at once": { phase: manyDisks, oneIn: 1 },
  "workers": { phase: workers, oneIn: 100 },
  "native calls": { phase: nativeCalls, oneIn: 1, needs: [doubleNeed] },
};

/** A phase that leaks, for the test that leaks are found. */
export const LEAKING: Readonly<Record<string, PhaseKind>> = {
  "opens and forgets": { phase: forgotten, oneIn: 1 },
};
