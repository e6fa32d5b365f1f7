/** The folders that a crash can leave behind, from what was done to a simulated one. */
import type { Random } from "../fuzz/random.ts";
import { CrashPoints, type HostSector } from "./crash_states.ts";
import type {
  Files,
  FolderStep,
  Names,
  RecordedFile,
  SimulatedFolder,
} from "./simulated_folder.ts";
import type { SparseFile } from "./sparse_file.ts";

/** A folder after a crash. */
export interface FolderState {
  readonly files: Files;
  /** How many things had been done. */
  readonly point: number;
  description(): string;
}

/** Of a hundred states: in how many the names are the newest, whether they are durable or not. */
const NEWEST_NAMES = 70;

/** One file after a crash, and what became of its changes. */
interface FileState {
  readonly file: SparseFile;
  description(): string;
}

/**
 * For each thing that was done: the folder with each state that the file which changed can have, the others
 * in any of theirs. Names appear and go in the order in which they were given and taken, but perhaps later.
 *
 * @param samples How many random subsets of its unflushed changes the changed file gets.
 * @param from After how many things the first crash comes.
 * @param hostSector Within which no write is torn. Default: 512.
 */
export function* folderStates(
  { first, steps }: SimulatedFolder,
  random: Random,
  samples: number,
  from = 0,
  hostSector?: HostSector,
): Generator<FolderState> {
  let names: Names[] = [first];
  const counts = new Map<RecordedFile, number>();
  const known = new Map<RecordedFile, readonly FileState[]>();
  const points = new Map<RecordedFile, CrashPoints>();
  const statesOf = (file: RecordedFile, subsets: number): FileState[] => {
    const ofFile = points.get(file) ?? new CrashPoints(file);
    points.set(file, ofFile);
    return [...ofFile.statesAt(counts.get(file) ?? 0, random, subsets, hostSector)];
  };
  const build = (point: number, changed?: RecordedFile, state?: FileState): FolderState => {
    const newest = random.chance(NEWEST_NAMES) ? names.at(-1)! : random.pick(names);
    const left = [...newest].map(([name, file]): [string, FileState] => {
      if (file === changed && state !== undefined) return [name, state];
      const states = known.get(file) ?? statesOf(file, 1);
      known.set(file, states);
      return [name, random.pick(states)];
    });
    let files: Files | undefined;
    return {
      // Made for those who look at them, as the file of a crash state is.
      get files() {
        return files ??= new Map(left.map(([name, { file }]) => [name, file.fork()]));
      },
      point,
      description: () => describe(steps.slice(0, point), left),
    };
  };
  for (let point = 0; point <= steps.length; point++) {
    const step = steps[point - 1];
    if (step?.kind === "names") names = [...names, step.names];
    if (step?.kind === "flush") names = names.slice(-1);
    if (step?.kind === "change") {
      counts.set(step.file, (counts.get(step.file) ?? 0) + 1);
      known.delete(step.file);
    }
    if (point < from) continue;
    if (step?.kind === "change") {
      for (const state of statesOf(step.file, samples)) yield build(point, step.file, state);
    } else {
      for (let i = 0; i <= samples; i++) yield build(point);
    }
  }
}

function describe(done: readonly FolderStep[], left: readonly (readonly [string, FileState])[]) {
  const names = done.flatMap((step) => step.kind === "names" ? [step.description] : []);
  const files = left.map(([name, state]) => `${name}: ${state.description()}`);
  return [`${names.join(", ") || "no name has changed"}; there are`, ...files].join("\n");
}
