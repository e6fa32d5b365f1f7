/** A worker that goes through the histories of seeds. */
import { workOn } from "../spread.ts";
import type { SeedResult } from "./section.ts";
import { simulateSeeds } from "./seeds.ts";

workOn(async (seed: number): Promise<SeedResult> => {
  const told: string[] = [];
  const result = await simulateSeeds([seed], { tell: (line) => told.push(line) });
  return { ...result, told };
});
