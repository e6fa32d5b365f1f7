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

/** Explores; gives how many states were tried, all of which kept the promise. */
export function explore(plan: Plan): number {
  const sample = plan.always ? { takes: () => true } : new Sample();
  return exploreLife(plan, new Random(plan.seed), sample, 0);
}

function exploreLife(
  plan: Plan,
  random: Random,
  sample: Pick<Sample, "takes">,
  life: number,
): number {
  const { format, base, samples = 3, percent = 100, again = 4, hostSector, history } = plan;
  const recording = new RecordingSource<DiskEvent>(base, history?.unflushed);
  const first = recording.changes.length;
  const seen = observe(format.open(recording));
  record(plan, recording, seen, FIRST_WRITTEN + life * VERSIONS_PER_LIFE);
  const oracle = new Oracle(seen, format.changesIdentifier, history?.oracle);
  let marks = 0;
  let states = 0;
  for (
    const state of crashStates(base, recording.changes, random, samples, first, hostSector)
  ) {
    for (; (recording.marks[marks]?.position ?? Infinity) <= state.point; marks++) {
      oracle.apply(recording.marks[marks]!.event);
    }
    // The last state, with everything done, is always tried.
    const isChosen = random.chance(percent) && sample.takes();
    if (!isChosen && state.point < recording.changes.length) continue;
    states++;
    const left = explaining(plan, () => describeState(recording, state), () => {
      const left = checkState(format, state.file, oracle, random);
      const torn = tornSector(left);
      if (format.keepsSectorsWhole && torn !== undefined) {
        throw new Error(`logical sector ${torn} is neither old nor new`);
      }
      plan.onSectors?.(torn !== undefined);
      plan.alsoCheck?.(state, left);
      return left;
    });
    if (life > 0 || !random.chance(again)) continue;
    const next = secondLife(plan, state, left, random, oracle);
    states += exploreLife(next, random, sample, life + 1);
  }
  return states;
}

/** The file opens, for reading and for writing; keeps the promise; and can be written to. */
export function checkState(
  format: Format,
  file: SparseFile,
  oracle: Oracle,
  random: Random,
): Observation {
  const seen = observe(format.open(file));
  oracle.check(seen);
  format.checkLeft?.(file);
  const written = file.fork();
  const image = format.openWritable(written);
  const expected = new Oracle(seen, false);
  expected.check(observe(image));
  const probe = random.below(image.virtualSize / image.logicalSectorSize) *
    (image.logicalSectorSize / SECTOR);
  const version = VERSIONS_PER_LIFE - 1;
  const count = image.logicalSectorSize / SECTOR;
  image.write(stamped(probe, count, version), probe * SECTOR);
  expected.apply({ kind: "write", first: probe, count, version });
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

function describeStep(step: Step): string {
  const words = step.map((word) => {
    if (word instanceof Uint8Array) return `${word.length} bytes`;
    return typeof word === "object" ? JSON.stringify(word) : word;
  });
  return `[${words.join(" ")}]`;
}
