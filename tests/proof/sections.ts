/** The sections of PROOF.md, in their order. */
import { bitFlips } from "./bit_flips/section.ts";
import { coverage } from "./coverage/section.ts";
import { differential } from "./differential/section.ts";
import { fuzzing } from "./fuzzing/section.ts";
import { shortHistories } from "./histories/section.ts";
import { load } from "./load/section.ts";
import { logModel } from "./model/section.ts";
import { mutation } from "./mutation/section.ts";
import type { Section } from "./section.ts";
import { simulation } from "./simulation/section.ts";

export const SECTIONS: readonly Section[] = [
  bitFlips,
  shortHistories,
  fuzzing,
  differential,
  logModel,
  simulation,
  load,
  mutation,
  coverage,
];
