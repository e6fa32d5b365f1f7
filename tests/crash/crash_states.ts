/** The files that a crash can leave behind, from the recording of what was done to one. */
import type { Random } from "../fuzz/random.ts";
import { type Change, describeChange } from "./recording_source.ts";
import type { SparseFile } from "./sparse_file.ts";

/** What a storage device writes as a whole or not at all: its physical sector. */
export type HostSector = 512 | 4096;
/** Systems write pages, so that a crash often falls between two of them. */
const PAGE = 4096;
/** Up to this many unflushed changes, every subset with the newest of them is a state. */
const EXHAUSTIVE_WINDOW = 4;

/** A file after a crash. */
export interface CrashState {
  readonly file: SparseFile;
  /** How many changes had been asked for. */
  readonly point: number;
  /** Whether all of them are there, as when the writing process was killed but the system lives on. */
  readonly isWhole: boolean;
  /** The file as the last flush left it, and the changes since. */
  readonly durable: SparseFile;
  readonly unflushed: readonly Change[];
  /** Which of them are there. */
  description(): string;
}

/**
 * What became of a change: all of it, nothing, these byte ranges of a write, or only the room that it
 * takes at the end of the file.
 */
type Fate = "whole" | "lost" | "room" | readonly (readonly [number, number])[];

/**
 * For each number of changes: the file with all of them; with the newest write torn; and with subsets of
 * the changes since the last flush, each whole, torn or lost.
 *
 * @param samples How many random subsets each crash point gets.
 * @param from The first crash point.
 * @param hostSector Within which no write is torn. Default: 512, as no device writes less.
 */
export function* crashStates(
  base: SparseFile,
  changes: readonly Change[],
  random: Random,
  samples: number,
  from = 0,
  hostSector: HostSector = 512,
): Generator<CrashState> {
  const points = new CrashPoints({ base, changes });
  for (let point = from; point <= changes.length; point++) {
    yield* points.statesAt(point, random, samples, hostSector);
  }
}

/** A file and what was done to it: goes along the changes, and says what a crash could leave there. */
export class CrashPoints {
  readonly #changes: readonly Change[];
  /** The file as the last flush left it, and how many changes are in it. */
  #durable: SparseFile;
  #flushed = 0;

  constructor({ base, changes }: {
    readonly base: SparseFile;
    readonly changes: readonly Change[];
  }) {
    this.#changes = changes;
    this.#durable = base.fork();
  }

  /**
   * What a crash may leave when so many changes had been asked for: never fewer than the last time.
   *
   * @param samples As for {@linkcode crashStates}.
   */
  *statesAt(
    point: number,
    random: Random,
    samples: number,
    hostSector: HostSector = 512,
  ): Generator<CrashState> {
    this.#flush(point);
    const window = this.#changes.slice(this.#flushed, point);
    for (const fates of fatesOf(window, random, samples, hostSector)) {
      yield stateOf(this.#durable, this.#flushed, point, window, fates);
    }
  }

  /** Makes durable what the last flush before a point does. */
  #flush(point: number): void {
    let last = point;
    while (last > this.#flushed && this.#changes[last - 1]!.kind !== "flush") last--;
    if (last === this.#flushed) return;
    // States that were given out have the file of before.
    this.#durable = this.#durable.fork();
    for (const change of this.#changes.slice(this.#flushed, last)) {
      apply(this.#durable, change, "whole");
    }
    this.#flushed = last;
  }
}

function stateOf(
  durable: SparseFile,
  flushed: number,
  point: number,
  window: readonly Change[],
  fates: readonly Fate[],
): CrashState {
  let file: SparseFile | undefined;
  return {
    // Made for those who look at it: of a sample most are never looked at.
    get file() {
      if (file === undefined) {
        file = durable.fork();
        for (const [i, change] of window.entries()) apply(file, change, fates[i]!);
      }
      return file;
    },
    point,
    isWhole: fates.every((fate) => fate === "whole"),
    durable,
    unflushed: window,
    description: () => describe(flushed, window, fates),
  };
}

function* fatesOf(
  window: readonly Change[],
  random: Random,
  samples: number,
  hostSector: HostSector,
): Generator<Fate[]> {
  const whole = window.map((): Fate => "whole");
  yield whole;
  const newest = window.at(-1);
  if (newest === undefined) return;
  if (newest.kind === "write") {
    const others = whole.slice(1);
    for (const fate of tornFates(newest, random, hostSector)) yield [...others, fate];
  }
  if (window.length === 1) return;
  if (window.length <= EXHAUSTIVE_WINDOW) {
    for (let subset = 0; subset < 2 ** (window.length - 1) - 1; subset++) {
      yield whole.map((_, i) => i === window.length - 1 || subset & (1 << i) ? "whole" : "lost");
    }
  }
  for (let i = 0; i < samples; i++) {
    const percent = random.pick([20, 50, 80]);
    yield window.map((change) => {
      if (random.chance(percent)) return "whole";
      return change.kind === "write" && random.chance(30)
        ? random.pick(tornFates(change, random, hostSector))
        : "lost";
    });
  }
}

/** Only room; up to a page or sector boundary; some of the sectors. */
function tornFates(
  change: Change & { kind: "write" },
  random: Random,
  hostSector: HostSector,
): Fate[] {
  const fates: Fate[] = ["room"];
  for (const unit of new Set([PAGE, hostSector])) {
    const pieces = split(change, unit);
    if (pieces.length === 1) continue;
    fates.push(pieces.slice(0, 1 + random.below(pieces.length - 1)));
    const percent = random.pick([5, 50, 95]);
    fates.push(pieces.filter(() => random.chance(percent)));
  }
  return fates;
}

/** The ranges of a write that lie in different units of the file. */
function split({ offset, bytes }: Change & { kind: "write" }, unit: number): [number, number][] {
  const pieces: [number, number][] = [];
  for (let from = 0; from < bytes.length;) {
    const to = Math.min(bytes.length, from + unit - (offset + from) % unit);
    pieces.push([from, to]);
    from = to;
  }
  return pieces;
}

function apply(file: SparseFile, change: Change, fate: Fate): void {
  if (change.kind === "flush" || fate === "lost") return;
  if (change.kind === "truncate") return file.truncate(change.size);
  const { offset, bytes } = change;
  if (fate === "whole") return file.writeAt(bytes, offset);
  if (fate === "room") return file.truncate(Math.max(file.size, offset + bytes.length));
  for (const [from, to] of fate) file.writeAt(bytes.subarray(from, to), offset + from);
}

function describe(flushed: number, window: readonly Change[], fates: readonly Fate[]): string {
  const lines = window.map((change, i) =>
    `  ${flushed + i}: ${describeChange(change)}: ${describeFate(fates[i]!)}`
  );
  return [`changes 0 to ${flushed} (exclusive) are durable, then`, ...lines].join("\n");
}

function describeFate(fate: Fate): string {
  if (typeof fate === "string") return fate;
  const ranges: [number, number][] = [];
  for (const [from, to] of fate) {
    const last = ranges.at(-1);
    if (last?.[1] === from) last[1] = to;
    else ranges.push([from, to]);
  }
  return `bytes ${ranges.map(([from, to]) => `${from}-${to}`).join(", ") || "none"}`;
}
