/** The section about the model of the VHDX log: all of its states, errors planted in it, and the writer held to it. */
import type { RunWish, Section } from "../section.ts";
import { PLANTED_ERRORS } from "./planted_errors.ts";
import { type Conformance, ENDLESS_PATH, follow, PATH } from "./real_writer.ts";
import { simulate, SPIN_NEEDS, type Verification, verify } from "./spin.ts";

/** What came of a run. */
interface ModelResults {
  readonly bounds: readonly (Verification & { readonly steps: number; readonly crashes: number })[];
  readonly planted: readonly {
    readonly title: string;
    readonly states: number;
    readonly found: boolean;
  }[];
  readonly paths: Conformance;
  /** Paths on which the real writer did something else, each with all that brings it back. */
  readonly different: readonly string[];
}

/** How far all states are gone through: crashes, and things that are done to the disk. */
const BOUNDS = {
  short: [{ crashes: 2, steps: 5 }, { crashes: 1, steps: 6 }],
  long: [{ crashes: 2, steps: 6 }, { crashes: 1, steps: 7 }],
} as const;
/** Of so many paths, one is long enough to go around the log. */
const ONE_ENDLESS_IN = 20;

export const logModel: Section<ModelResults> = {
  name: "log-model",
  title: "A model of the VHDX log",
  unit: "paths that the real writer follows",
  counts: { short: 100, long: 3000 },
  programs: ["spin"],
  needs: SPIN_NEEDS,
  run,
  render,
  faults: ({ bounds, planted, different }) => [
    ...bounds.flatMap(({ violated, steps }) =>
      violated === "" ? [] : [`the model, ${steps} steps: ${violated}`]
    ),
    ...planted.filter(({ found }) => !found).map(({ title }) => `not found: ${title}`),
    ...different,
  ],
};

async function run({ form, count, seed, tell }: RunWish): Promise<ModelResults> {
  const bounds = [];
  for (const { steps, crashes } of BOUNDS[form]) {
    tell(`all states of ${steps} steps and ${crashes} crashes`);
    bounds.push({ steps, crashes, ...await verify({ STEPS: steps, CRASHES: crashes }) });
  }
  const planted = [];
  for (const { title, macros } of PLANTED_ERRORS) {
    tell(`planted: ${title}`);
    const { violated, states } = await verify(macros);
    planted.push({ title, states, found: violated !== "" });
  }
  const paths = { changes: 0, crashes: 0, wraps: 0 };
  const different: string[] = [];
  tell("paths of the real writer");
  for (let i = 0; i < count; i++) {
    const macros = i % ONE_ENDLESS_IN === 0 ? ENDLESS_PATH : PATH;
    try {
      const { changes, crashes, wraps } = follow(await simulate(macros, seed + i));
      paths.changes += changes;
      paths.crashes += crashes;
      paths.wraps += wraps;
    } catch (error) {
      different.push(`spin -n${seed + i} ${JSON.stringify(macros)}: ${error}`);
    }
  }
  return { bounds, planted, paths, different };
}

function render({ bounds, planted, paths, different }: ModelResults): string[] {
  return [
    "`tests/proof/model/log.pml` is the log as this project writes and replays it, for spin, with a disk of two blocks,",
    "data in place, tables through the log, and a medium that keeps of what was not flushed each piece as it was, as it",
    "was to be, or (of headers, tables and the log) as neither. The power fails at any moment, also while what it left",
    "is being replayed. Always: what was flushed is there; the tables are as before a publication or as after it; no",
    "block shows what was never written to it; a log that a header names has an entry that is whole, and the newest one",
    "is replayed; a replay that was interrupted comes to the same end when it is done again.",
    "",
    "| crashes | operations | states, all of them | depth | promises broken |",
    "| --- | ---: | ---: | ---: | ---: |",
    ...bounds.map(({ steps, crashes, states, depth, violated }) =>
      `| at most ${crashes} | ${steps} | ${states} | ${depth} | ${violated === "" ? 0 : 1} |`
    ),
    "",
    "The operations are: write to a block, trim it, flush, close and open again; writing takes new room and lengthens the",
    "file. A model that holds whatever is wrong would say nothing, so errors are planted in it one by one:",
    "",
    "| planted error | found after so many states |",
    "| --- | ---: |",
    ...planted.map(({ title, states, found }) => `| ${title} | ${found ? states : "not found"} |`),
    "",
    `The real writer is held to the model: on ${paths.crashes} crashes of random paths it made ${paths.changes} changes and`,
    "flushes, each one that of the model, in its order, and opened each file that a crash left as the model says.",
    `${different.length} paths differed. The log went around ${paths.wraps} times.`,
  ];
}
