/** The section about the models of VHDX: all of their states, errors planted in them, and the writer held to them. */
import type { RunWish, Section } from "../section.ts";
import { type Bound, ENDLESS_PATH, macrosOf, MODELS, type PathKind } from "./models.ts";
import { PLANTED_ERRORS } from "./planted_errors.ts";
import { type Conformance, follow } from "./real_writer.ts";
import { Paths, SPIN_NEEDS, type Verification, verifyAll } from "./spin.ts";

/** What came of a run. */
interface ModelResults {
  readonly bounds: readonly (Verification & Bound & { readonly model: string })[];
  readonly planted: readonly {
    readonly model: string;
    readonly title: string;
    readonly states: number;
    readonly found: boolean;
  }[];
  readonly paths: readonly (Conformance & { readonly model: string; readonly count: number })[];
  /** Paths on which the real writer did something else, each with all that brings it back. */
  readonly different: readonly string[];
}

/** Of so many paths, one is long enough to go around the log. */
const ONE_ENDLESS_IN = 20;

export const logModel: Section<ModelResults> = {
  name: "log-model",
  title: "A model of the VHDX log",
  unit: "paths that the real writer follows",
  counts: { short: 200, long: 6000 },
  programs: ["spin"],
  needs: SPIN_NEEDS,
  run,
  render,
  faults: ({ bounds, planted, different }) => [
    ...bounds.flatMap(({ model, violated, steps, crashes }) =>
      violated === "" ? [] : [`${model}, ${steps} steps, ${crashes} crashes: ${violated}`]
    ),
    ...planted.filter(({ found }) => !found).map(({ title }) => `not found: ${title}`),
    ...different,
  ],
};

async function run({ form, count, seed, tell }: RunWish): Promise<ModelResults> {
  const bounds = await verifyAll(
    MODELS.flatMap(({ title, file, bounds }) =>
      bounds[form].map((bound) => ({ title, model: file, bound, macros: macrosOf(bound) }))
    ),
    ({ model, bound: { steps, crashes } }) =>
      tell(`${model}: all states of ${steps} steps and ${crashes} crashes`),
  );
  const planted = await verifyAll(
    PLANTED_ERRORS.map(({ title, model: { title: about, file }, macros }) => (
      { title, about, model: file, macros }
    )),
    ({ title }) => tell(`planted: ${title}`),
  );
  const different: string[] = [];
  const paths = [];
  const endless = Math.ceil(count / ONE_ENDLESS_IN);
  for (const { title, file, paths: kinds } of MODELS) {
    tell(`${file}: paths of the real writer`);
    const sum = { model: title, count: 0, changes: 0, crashes: 0, wraps: 0 };
    const followAll = async (kind: PathKind, howMany: number) => {
      using made = await Paths.of(file, kind.macros);
      for (let i = 0; i < howMany; i++) {
        sum.count++;
        try {
          const { changes, crashes, wraps } = follow(kind.disk, await made.follow(seed + i));
          sum.changes += changes;
          sum.crashes += crashes;
          sum.wraps += wraps;
        } catch (error) {
          different.push(`${file} ${JSON.stringify(kind.macros)} seed ${seed + i}: ${error}`);
        }
      }
    };
    const share = Math.ceil((count - endless) / MODELS.length / kinds.length);
    for (const kind of kinds) await followAll(kind, share);
    if (kinds.some(({ disk }) => disk === ENDLESS_PATH.disk)) {
      await followAll(ENDLESS_PATH, endless);
    }
    paths.push(sum);
  }
  return {
    bounds: bounds.map(({ title, bound, violated, states, depth }) => (
      { model: title, ...bound, violated, states, depth }
    )),
    planted: planted.map(({ about, title, states, violated }) => (
      { model: about, title, states, found: violated !== "" }
    )),
    paths,
    different,
  };
}

function render({ bounds, planted, paths, different }: ModelResults): string[] {
  return [
    "`tests/proof/model/` has the VHDX file as this project writes and replays it, in Promela, for spin. The headers, the",
    "log and the replay are in `log.pml`, on a medium (`medium.pml`) that keeps of what was not flushed each piece as it was,",
    "as it was to be, or (of headers, pages and the log) as neither. The power fails at any moment, also while what it left",
    "is being replayed. What is changed through them is in a model each:",
    "",
    ...MODELS.map(({ title, file, operations, about }) =>
      `- **${title}** (\`${file}\`): ${about} The operations are: ${operations}.`
    ),
    "",
    "Always: what was flushed is there; all pages are as before a publication or as after it; nothing shows what was never",
    "written to it; a log that a header names has an entry that is whole, and the newest one is replayed; a replay that was",
    "interrupted comes to the same end when it is done again.",
    "",
    "| model | crashes | operations | states, all of them | depth | promises broken |",
    "| --- | --- | ---: | ---: | ---: | ---: |",
    ...bounds.map(({ model, steps, crashes, isStale, states, depth, violated }) =>
      `| ${model}${
        isStale ? ", in a file with leftovers" : ""
      } | at most ${crashes} | ${steps} | ${states} | ${depth} | ${violated === "" ? 0 : 1} |`
    ),
    "",
    "A model that holds whatever is wrong would say nothing, so errors are planted one by one:",
    "",
    "| model | planted error | found after so many states |",
    "| --- | --- | ---: |",
    ...planted.map(({ model, title, states, found }) =>
      `| ${model} | ${title} | ${found ? states : "not found"} |`
    ),
    "",
    "The real writer is held to the models: on random paths it must make each change and each flush of the model, in its",
    "order, with the pages in the log and in their places saying what those of the model say, and what it opens after each",
    "crash must be what the model sees.",
    "",
    "| model | paths | crashes | changes and flushes | times around the log |",
    "| --- | ---: | ---: | ---: | ---: |",
    ...paths.map(({ model, count, crashes, changes, wraps }) =>
      `| ${model} | ${count} | ${crashes} | ${changes} | ${wraps} |`
    ),
    "",
    `${different.length} paths differed.`,
  ];
}
