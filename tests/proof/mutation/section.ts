/** The section about mutants: how many small changes of the program no test notices, and which. */
import { onlyOn, tool } from "../../support.ts";
import type { RunFacts, RunWish, Section } from "../section.ts";
import { type Kept, keptOf } from "./kept.ts";
import { MEMORY, Memory } from "./memory.ts";
import { findMutants, type Mutant, nameOf, sampleOf } from "./mutants.ts";
import { scoreOf, type Tally } from "./score.ts";
import { ROOMS, stagesFor, tryAgain, tryAll } from "./stages.ts";
import { isNoticed, type Verdict } from "./trial.ts";

/** What became of the mutants of a room. */
interface RoomCounts {
  /** Below the root. */
  readonly room: string;
  /** How many mutants it has. */
  readonly all: number;
  readonly killed: number;
  /** Tests that went on without an end, or took all memory. */
  readonly endless: number;
  /** Not noticed, and no test could. */
  readonly same: number;
  /** Not noticed, and a test could, or nobody has looked. */
  readonly survived: number;
  /** No programs. */
  readonly notStarted: number;
}

/** A mutant that no test notices. */
interface Survivor {
  readonly name: string;
  /** Whether anything of what tests do would be done otherwise. */
  readonly isReached: boolean;
  readonly known: Pick<Kept, "kind" | "why"> | null;
}

interface Results {
  readonly rooms: readonly RoomCounts[];
  readonly survivors: readonly Survivor[];
  /** How many files of tests there were. */
  readonly testFiles: number;
  /** How many were remembered of earlier runs: neither they nor the test has changed. */
  readonly remembered: number;
  /** Of those noticed: how many were tried once more as a changed file, and noticed again. */
  readonly again: { readonly tried: number; readonly noticed: number };
}

/** The share of the mutants that are to be noticed. */
const GOAL = 0.85;
/** One of so many that are noticed is tried again. */
const AGAIN = 100;

export const mutation: Section<Results> = {
  name: "mutation",
  title: "Mutants",
  unit: "mutants",
  counts: { short: 40, long: 400 },
  programs: [],
  needs: [tool("bash"), onlyOn("linux")],
  run,
  render,
  faults,
};

async function run({ count, seed, tell }: RunWish): Promise<Results> {
  const all = findMutants(ROOMS);
  const mutants = sampleOf(all, count, seed);
  const memory = new Memory(MEMORY);
  const remembered = mutants.filter((mutant) => memory.verdictOf(mutant) !== undefined).length;
  const stages = stagesFor(mutants.map(({ file }) => file));
  const verdicts = await tryAll(all, mutants, stages, memory, {
    survey: ({ tests, left }) => tell(`${tests.length} tests; left out: ${left.join("; ")}`),
    verdict: ({ mutant, end, by }, stage) =>
      tell(`${stage} ${end} ${by === undefined ? "" : `by ${by.file} `}${nameOf(mutant)}`),
  });
  const killed = verdicts.filter(({ end, by }) => end === "killed" && by?.name !== "");
  const again = await tryAgain(killed.filter((_, i) => i % AGAIN === AGAIN - 1));
  return {
    rooms: ROOMS.map((room) => countsOf(room, all, verdicts)),
    survivors: verdicts.filter(isSurvivor).map(({ mutant, end }) => {
      const kept = keptOf(mutant);
      return {
        name: nameOf(mutant),
        isReached: end === "survived",
        known: kept === undefined ? null : { kind: kept.kind, why: kept.why },
      };
    }).sort((a, b) => a.name < b.name ? -1 : 1),
    testFiles: stages.flat().length,
    remembered,
    again,
  };
}

const isSurvivor = ({ end }: Verdict) => end === "survived" || end === "not reached";

function countsOf(room: string, all: readonly Mutant[], verdicts: readonly Verdict[]): RoomCounts {
  const isHere = ({ file }: Mutant) => file.startsWith(`${room}/`);
  const own = verdicts.filter(({ mutant }) => isHere(mutant));
  const survivors = own.filter(isSurvivor);
  const same = survivors.filter(({ mutant }) => keptOf(mutant)?.kind === "same").length;
  const killed = own.filter(({ end }) => end === "killed").length;
  return {
    room,
    all: all.filter(isHere).length,
    killed,
    endless: own.filter(isNoticed).length - killed,
    same,
    survived: survivors.length - same,
    notStarted: own.filter(({ end }) => end === "not started").length,
  };
}

/** Of all, and of those alone that a test could notice. */
function talliesOf(counts: RoomCounts): { all: Tally; noticeable: Tally } {
  const noticed = counts.killed + counts.endless;
  const noticeable = noticed + counts.survived;
  return {
    all: { noticed, tried: noticeable + counts.same },
    noticeable: { noticed, tried: noticeable },
  };
}

function total(rooms: readonly RoomCounts[]): RoomCounts {
  const sum = (key: Exclude<keyof RoomCounts, "room">) =>
    rooms.reduce((sum, counts) => sum + counts[key], 0);
  return {
    room: "all",
    all: sum("all"),
    killed: sum("killed"),
    endless: sum("endless"),
    same: sum("same"),
    survived: sum("survived"),
    notStarted: sum("notStarted"),
  };
}

function render(results: Results, { count, seed }: RunFacts): string[] {
  const { rooms, survivors, testFiles, remembered, again } = results;
  const sum = total(rooms);
  const { all, noticeable } = talliesOf(sum);
  return [
    "The program is changed in one small place (a comparison, a bound, a sum, a condition, a constant; a statement, a flush",
    "or a `throw` is left out; a function returns at once), and the tests are run in which that makes a difference, until",
    `one fails. ${
      Math.min(count, sum.all)
    } of ${sum.all} such changes were tried (seed ${seed}), of each file its share, with ${testFiles} files of tests of`,
    "the portable backend, of crashes and of damaged files: all their tests, each with the sample of states that",
    "`deno task test` takes. What only all states would notice, or other programs that read the images, counts as not",
    "noticed.",
    "",
    "- **endless**: a test took ten times as long as it does otherwise, or all memory: noticed too.",
    "- **same**: not noticed, and looked at: the program does the same, or is only slower or takes more memory.",
    "- **survived**: not noticed, and a test could, or nobody has looked.",
    "",
    "| room | mutants | tried | killed | endless | same | survived | noticed | noticed but for the same |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...[...rooms, sum].map((counts) => {
      const { all, noticeable } = talliesOf(counts);
      return `| ${counts.room} | ${counts.all} | ${all.tried} | ${counts.killed} | ${counts.endless} | ${counts.same} | ${counts.survived} | ${
        share(all)
      } | ${share(noticeable)} |`;
    }),
    "",
    `Of all ${sum.all} mutants ${
      between(all)
    } would be noticed with a certainty of 95 %, and of those that a test could`,
    `notice ${between(noticeable)}. The goal is ${percent(GOAL)} of these.`,
    `All mutants are in the program at once, each behind a switch; of those that were noticed, ${again.tried} were made once`,
    `more as a changed file and tried with \`deno test\`: ${again.noticed} were noticed.`,
    ...remembered === 0 ? [] : [
      `What became of ${remembered} was known from an earlier run, of the same file of the program and the same tests.`,
    ],
    "",
    "Not noticed (file, line, what stood there and what took its place):",
    "",
    ...survivors.map(({ name, isReached, known }) => {
      const why = known === null ? "not looked at yet" : known.why;
      const kind = known?.kind === "same"
        ? "same"
        : isReached
        ? "survived"
        : "survived, not reached";
      return `- ${codeOf(name)}: ${kind}; ${why}`;
    }),
  ];
}

/** As code in Markdown, whatever marks are in it. */
function codeOf(text: string): string {
  const marks = "`".repeat(text.includes("`") ? 2 : 1);
  return `${marks}${marks.length > 1 ? " " : ""}${text}${marks.length > 1 ? " " : ""}${marks}`;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1).replace(/\.0$/, "")} %`;
}

function share({ noticed, tried }: Tally): string {
  return tried === 0 ? "-" : percent(noticed / tried);
}

function between(tally: Tally): string {
  const [low, high] = scoreOf(tally);
  return `${percent(low)} to ${percent(high)}`;
}

function faults({ rooms, again }: Results): string[] {
  const [, high] = scoreOf(talliesOf(total(rooms)).noticeable);
  return [
    ...high < GOAL
      ? [`of the mutants that a test could notice, fewer than ${percent(GOAL)} are`]
      : [],
    ...again.noticed < again.tried ? ["the switches are another program than changed files"] : [],
  ];
}
