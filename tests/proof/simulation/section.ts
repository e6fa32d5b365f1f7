/** The section about simulated histories: what seeds decide, and whether what was promised held. */
import type { RunFacts, RunWish, Section } from "../section.ts";
import { spread } from "../spread.ts";
import { type SeedsResult, sumOf } from "./seeds.ts";
import { STEPS } from "./simulation.ts";

export const simulation: Section<SeedsResult> = {
  name: "simulation",
  title: "Simulated histories",
  unit: `histories of ${STEPS} steps`,
  counts: { short: 20, long: 2000 },
  programs: [],
  needs: [],
  run,
  render,
  faults: ({ failures }) => failures,
};

/** What a worker gives of a seed: also what it tells of it. */
export interface SeedResult extends SeedsResult {
  readonly told: readonly string[];
}

async function run({ count, seed, tell }: RunWish): Promise<SeedsResult> {
  const seeds = Array.from({ length: count }, (_, i) => seed + i);
  const worker = new URL("worker.ts", import.meta.url);
  const results = await spread<number, SeedResult>(worker, seeds, ({ told }) => {
    for (const line of told) tell(line);
  });
  return sumOf(results);
}

function render(result: SeedsResult, { seed, count }: RunFacts): string[] {
  const { histories, counts, operations, failures } = result;
  const megabytes = Math.round(counts["bytes compared"] / 1e6);
  return [
    `A seed decides a whole history (here ${seed} to ${
      seed + count - 1
    }, of ${STEPS} steps each): which chain of VHD`,
    "or VHDX images there is, what is done to them through the public functions, when the volume is full, when a write,",
    "a flush or a read fails, when the process is killed in the middle of a write, and when the power fails. Then some",
    "of what was not flushed is there and some not, in any order, whole, torn at sectors of 512 or 4096 bytes, or as mere",
    "room; and names of files that were not durable are the old ones. After each of these everything is opened",
    "again, read whole and compared with an array of bytes: what was flushed must be there, what was not may be, and",
    "nothing else; images are repaired, or written to, and must be sound then; and the history goes on. No file may stay",
    "open, no temporary file be left, and every refusal must have its reason.",
    "",
    "| what happened | how often |",
    "| --- | ---: |",
    `| histories to their end | ${histories} |`,
    `| promises broken | ${failures.length} |`,
    `| steps | ${counts.steps} |`,
    `| processes killed | ${counts.kills} |`,
    `| power failures | ${counts["power failures"]} |`,
    `| requests that failed | ${counts.failures} |`,
    `| operations cancelled | ${counts.cancellations} |`,
    `| operations refused | ${counts.refusals} |`,
    `| megabytes compared | ${megabytes} |`,
    "",
    `Done most often: ${
      Object.entries(operations).sort((a, b) => b[1] - a[1]).map(([name, n]) => `${name} ${n}`)
        .join(", ")
    }.`,
    "`deno task sim --seed NUMBER` is one history; the same seed gives the same one, down to each change of a file.",
  ];
}
