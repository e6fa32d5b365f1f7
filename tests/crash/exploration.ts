/**
 * Does a scenario on a recorded file, then opens every file that a crash could have left meanwhile, and
 * checks that it keeps the promise; goes on writing to some of them, and crashes there again.
 */
import { Random } from "../fuzz/random.ts";
import { Sample } from "../sampling.ts";
import { type CrashState, crashStates, type HostSector } from "./crash_states.ts";
import { type Observation, observe } from "./observation.ts";
import { type DiskEvent, Oracle } from "./oracle.ts";
import { type Change, RecordingSource } from "./recording_source.ts";
import { type Format, randomSteps, runSteps, type Step } from "./scenario.ts";
import type { SparseFile } from "./sparse_file.ts";
import { FIRST_WRITTEN, SECTOR, stamped } from "./stamp.ts";
import { demandOf, TriedStates } from "./tried_states.ts";

/** What is explored. */
export interface Plan {
  readonly title: string;
  readonly format: Format;
  readonly base: SparseFile;
  readonly steps: readonly Step[];
  /** Repeats the states. */
  readonly seed: number;
  /** Random subsets of the unflushed changes for each crash point. Default: 3. */
  readonly samples?: number;
  /** Of a hundred states: how many are tried. Default: all. */
  readonly percent?: number;
  /** Whether those are all tried, even if other tests try a sample. Default: false. */
  readonly always?: boolean;
  /** Of a hundred states tried: how many are written to and crash again. Default: 4. */
  readonly again?: number;
  /** Within which no write is torn. Default: 512. */
  readonly hostSector?: HostSector;
  /** Told of each state whether a logical sector in it is a mix of old and new. */
  readonly onSectors?: (torn: boolean) => void;
  /** What need not be tried again: the files of other explorations of this format. Default: those of this one. */
  readonly tried?: TriedStates;
  /** How the base came about. */
  readonly history?: History;
  /** Also done with each state, beside opening it here. */
  readonly alsoCheck?: (state: CrashState, seen: Observation) => void;
}

/** An earlier life of a file. */
interface History {
  readonly description: string;
  /** What a killed writer had changed since the last flush, on top of the base; and what it had written. */
  readonly unflushed: readonly Change[];
  readonly oracle?: Oracle;
}

const VERSIONS_PER_LIFE = 10_000;
const STEPS_OF_SECOND_LIFE = 6;
const PERCENT_OF_SECOND_LIFE = 15;

/**
 * Explores; gives how many states there were, all of which kept the promise. One that is like another, in what is there
 * and in what may be there, is tried once.
 */
export function explore(plan: Plan): number {
  const sample = plan.always ? { takes: () => true } : new Sample();
  return exploreLife({ tried: new TriedStates(), ...plan }, new Random(plan.seed), sample, 0);
}

function exploreLife(
  plan: Plan & { readonly tried: TriedStates },
  random: Random,
  sample: Pick<Sample, "takes">,
  life: number,
): number {
  const { format, base, samples = 3, percent = 100, again = 4, hostSector, history, tried } = plan;
  const recording = new RecordingSource<DiskEvent>(base, history?.unflushed);
  const first = recording.changes.length;
  const seen = observe(format.open(recording));
  record(plan, recording, seen, FIRST_WRITTEN + life * VERSIONS_PER_LIFE);
  const oracle = new Oracle(seen, format.changesIdentifier, history?.oracle);
  let demand = demandOf(base.fingerprint());
  let marks = 0;
  let states = 0;
  for (
    const state of crashStates(base, recording.changes, random, samples, first, hostSector)
  ) {
    for (; (recording.marks[marks]?.position ?? Infinity) <= state.point; marks++) {
      const { event } = recording.marks[marks]!;
      oracle.apply(event);
      demand = demandOf(demand, eventText(event));
    }
    // The last state, with everything done, is always tried.
    const isChosen = random.chance(percent) && sample.takes();
    if (!isChosen && state.point < recording.changes.length) continue;
    states++;
    const probe = random.uint32();
    const goesOn = life === 0 && random.chance(again);
    // Whoever goes on, or looks for more, wants to see each of them.
    const isSeen = goesOn || plan.onSectors !== undefined || plan.alsoCheck !== undefined;
    if (!tried.isNew(demand, [state.file]) && !isSeen) continue;
    const left = explaining(plan, () => describeState(recording, state), () => {
      const left = checkState(format, state.file, oracle, probe);
      const torn = tornSector(left);
      if (format.keepsSectorsWhole && torn !== undefined) {
        throw new Error(`logical sector ${torn} is neither old nor new`);
      }
      plan.onSectors?.(torn !== undefined);
      plan.alsoCheck?.(state, left);
      return left;
    });
    if (!goesOn) continue;
    const next = secondLife(plan, state, left, random, oracle);
    states += exploreLife({ ...next, tried: new TriedStates() }, random, sample, life + 1);
  }
  return states;
}

/**
 * The file opens, for reading and for writing; keeps the promise; and can be written to.
 *
 * @param probe Any number: it says where.
 */
export function checkState(
  format: Format,
  file: SparseFile,
  oracle: Oracle,
  probe: number,
): Observation {
  const seen = observe(format.open(file));
  oracle.check(seen);
  format.checkLeft?.(file);
  const written = file.fork();
  const image = format.openWritable(written);
  const expected = new Oracle(seen, false);
  expected.check(observe(image));
  const count = image.logicalSectorSize / SECTOR;
  const first = probe % (image.virtualSize / image.logicalSectorSize) * count;
  const version = VERSIONS_PER_LIFE - 1;
  image.write(stamped(first, count, version), first * SECTOR);
  expected.apply({ kind: "write", first, count, version });
  expected.apply({ kind: "flushed" });
  image.finish();
  format.checkClosed?.(written);
  expected.check(observe(format.open(written)));
  return seen;
}

/** Steps write whole logical sectors, so that all of one has the same version, unless a crash tore it. */
function tornSector({ versions, attributes }: Observation): number | undefined {
  const unit = Number(attributes.get("logicalSectorSize")) / SECTOR;
  const at = versions.findIndex((version, i) => version !== versions[i - i % unit]);
  return at < 0 ? undefined : Math.floor(at / unit);
}

function record(
  plan: Plan,
  recording: RecordingSource<DiskEvent>,
  seen: Observation,
  version: number,
): void {
  const live = new Oracle(seen, false);
  explaining(
    plan,
    () => `after ${recording.changes.length} changes, without a crash`,
    () =>
      runSteps(plan.format, recording, plan.steps, version, {
        mark: (event) => {
          live.apply(event);
          recording.mark(event);
        },
        look: (image) => live.checkNewest(observe(image)),
      }),
  );
}

/** After a crash of the system only the file is left; a killed writer leaves what is not flushed, too. */
function secondLife(
  plan: Plan,
  state: CrashState,
  left: Observation,
  random: Random,
  oracle: Oracle,
): Plan {
  const sectors = left.versions.length;
  const number = (name: string) => Number(left.attributes.get(name)) / SECTOR;
  const steps = randomSteps(random, STEPS_OF_SECOND_LIFE, {
    sectors,
    blockSectors: number("blockSize") || sectors / 4,
    unit: number("logicalSectorSize"),
  });
  const killed = state.isWhole;
  const what = killed ? "the writer was killed" : "the system crashed";
  return {
    ...plan,
    history: {
      description: `In an earlier life, ${what} after change ${state.point}, when\n` +
        state.description(),
      unflushed: killed ? state.unflushed : [],
      ...(killed && { oracle: new Oracle(left, false, oracle) }),
    },
    base: killed ? state.durable : state.file,
    steps,
    percent: PERCENT_OF_SECOND_LIFE,
  };
}

function describeState(recording: RecordingSource<DiskEvent>, state: CrashState): string {
  const done = recording.marks.filter(({ position }) => position <= state.point);
  const last = done.slice(-4).map(({ event }) => describeEvent(event)).join(", ");
  return `crash after change ${state.point} of ${recording.changes.length}, last done: ${last};\n` +
    state.description();
}

/** Says where a failure came about, and how to come there again. */
function explaining<T>(plan: Plan, where: () => string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${plan.title} (seed ${plan.seed}): ${reason}\n${where()}\n` +
        `steps: ${plan.steps.map(describeStep).join(" ")}\n${plan.history?.description ?? ""}`,
      { cause: error },
    );
  }
}

function describeEvent(event: DiskEvent): string {
  const fields = Object.values(event).map((field) =>
    field instanceof Uint32Array ? `${field.length} sectors` : String(field)
  );
  return `[${fields.join(" ")}]`;
}

/** All that an event says. */
function eventText(event: DiskEvent): string {
  return Object.values(event).map((field) =>
    field instanceof Uint32Array ? field.join(" ") : String(field)
  ).join(", ");
}

function describeStep(step: Step): string {
  const words = step.map((word) => {
    if (word instanceof Uint8Array) return `${word.length} bytes`;
    return typeof word === "object" ? JSON.stringify(word) : word;
  });
  return `[${words.join(" ")}]`;
}
