/** The section about load: what is left of a process after it has done much, failed often, and been cancelled. */
import type { RunFacts, RunWish, Section } from "../section.ts";
import { doubleNeed } from "../../double/double.ts";
import { onlyOn } from "../../support.ts";
import { HEAP_GROWTH, leaksOf, type PhaseResult, RESIDENT_GROWTH } from "./phase.ts";
import { PHASES } from "./phases.ts";
import { runPhase } from "./run.ts";

export const load: Section<readonly PhaseResult[]> = {
  name: "load",
  title: "Load and leaks",
  unit: "opens, and in proportion to them what else there is",
  counts: { short: 2000, long: 100_000 },
  programs: [],
  needs: [doubleNeed, onlyOn("linux")],
  run,
  render,
  faults: (phases) => phases.flatMap(leaksOf),
};

/** All at once: one of them takes as long as all the others. */
async function run({ count, seed, tell }: RunWish): Promise<PhaseResult[]> {
  return await Promise.all(
    Object.keys(PHASES).map(async (name) => {
      const result = await runPhase(name, count, seed);
      tell(name);
      return result;
    }),
  );
}

const MIB = 2 ** 20;

function render(phases: readonly PhaseResult[], { seed }: RunFacts): string[] {
  return [
    "Each line is a process of its own. What it holds is looked at when a tenth is done, and in the end, after the",
    "collector of garbage: descriptors of its files, locks and temporary files must be those of before, the heap may have grown",
    `by ${HEAP_GROWTH / MIB} MiB and the process by ${
      RESIDENT_GROWTH / MIB
    } MiB, however much was done (seed ${seed}).`,
    "",
    "| what | how often | descriptors before, after | locks before, after | temporary files | heap grew by | process grew by | wrong |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...phases.map((result) => {
      const { phase, done, before, after, faults } = result;
      const total = Object.values(done).reduce((a, b) => a + b, 0);
      return `| ${phase} | ${total} | ${before.descriptors}, ${after.descriptors} | ${before.locks}, ${after.locks} | ${after.temporaryFiles} | ${
        growth(after.heapBytes - before.heapBytes)
      } | ${growth(after.residentBytes - before.residentBytes)} | ${faults.length} |`;
    }),
    "",
    "- **opens**: VHD and VHDX images, fixed, dynamic and differencing, at once and with a promise, to read, to write and",
    "  for information alone; each is read.",
    `- **failures of each kind**: ${kindsOf(phases, "failures of each kind")}.`,
    `- **cancellations**, at one of the first moments at which it can be: ${
      kindsOf(phases, "cancellations")
    }.`,
    `- **disks at once**: ${
      kindsOf(phases, "disks at once")
    }, opened, read and closed; each has as many descriptors as its`,
    "  chain has files.",
    `- **workers**: ${
      kindsOf(phases, "workers")
    } in the middle of their work. All but four read a chain of four images; one`,
    "  writes to a child of it, one converts it, one compacts, and one would write what the others read, and is refused.",
    "  Then all that they had open is closed, the chain can be written to and reads as before, what was written opens",
    "  and has no fault, and no temporary file stays.",
    "- **native calls**, over a double of VirtDisk.dll that counts handles, events and memory, of which none may be left:",
    `  ${kindsOf(phases, "native calls")}.`,
  ];
}

function growth(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

function kindsOf(phases: readonly PhaseResult[], name: string): string {
  const { done } = phases.find(({ phase }) => phase === name)!;
  return Object.entries(done).map(([what, count]) => `${what} (${count})`).join(", ");
}
