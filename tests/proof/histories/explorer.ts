/** Goes through histories, and through every file that a crash could leave on the way. */
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { Pace } from "../../../src/portable/image/pace.ts";
import { assertEquals } from "@std/assert";
import { CrashPoints } from "../../crash/crash_states.ts";
import { explore } from "../../crash/exploration.ts";
import { type Observation, observe } from "../../crash/observation.ts";
import { NotingSource, type RecordingSource } from "../../crash/recording_source.ts";
import { runSteps, type Step } from "../../crash/scenario.ts";
import type { SparseFile } from "../../crash/sparse_file.ts";
import { PARENT, SECTOR, stamped, ZEROS } from "../../crash/stamp.ts";
import { demandOf, TriedStates } from "../../crash/tried_states.ts";
import { Random } from "../../fuzz/random.ts";
import { SimulatedTime } from "../simulation/simulated_time.ts";
import type { History, Letter } from "./histories.ts";
import { childOf, guid, type HistoryKind, linkTo } from "./kinds.ts";

/** Random subsets of what is not flushed, for each point of a crash. */
const SAMPLES = 2;
/** What is written has these versions: by steps, by the write that tries a state. */
const [STEPS, PROBE] = [100, 9_000];
/** What came of histories. */
export interface HistoryCounts {
  /** Sequences that were gone through; those that they begin with are among their states. */
  histories: number;
  /** What a crash could leave, at each of its moments. */
  states: number;
  /** How many of these were other files, or had another promise to keep: each was opened, read, written to and read. */
  tried: number;
  /** Operations that the image does not have, as a fixed one no compaction: refused, and nothing changed. */
  refused: number;
}

/** What an operation does to files that are closed: the leaf, and what is below it. */
type Operation = (files: readonly (SparseFile | RecordingSource<never>)[]) => Promise<void>;

/** When a file had been changed so often. */
interface Moment {
  readonly file: number;
  readonly count: number;
}

/** An operation, and what it did, in order. */
interface Recorded {
  readonly recorded: readonly RecordingSource<never>[];
  readonly order: readonly Moment[];
  readonly run: Operation;
}

/** What an image may say of an operation that it does not have. */
const REFUSALS: readonly string[] = ["ERROR_VHD_INVALID_TYPE", "ERROR_NOT_SUPPORTED"];
/** Of a hundred states: how many are brought to the end by doing the same again. */
const PERCENT_AGAIN = 25;

/** What histories that begin alike have come to. */
class Stand {
  readonly beginning: History;
  /** The chain when the leaf was closed last, the leaf first. */
  readonly files: readonly SparseFile[];
  /** What has been done since. */
  readonly steps: readonly Step[];
  /** How many operations were refused. */
  readonly refused: number;
  /** What comes of the next operation, as far as that is known. */
  readonly next = new Map<Letter, Stand>();
  /** The chain with the leaf closed, if that has been done. */
  closed: readonly SparseFile[] | undefined;

  constructor({ beginning, files, steps = [], refused }: {
    readonly beginning: History;
    readonly files: readonly SparseFile[];
    readonly steps?: readonly Step[];
    readonly refused: number;
  }) {
    this.beginning = beginning;
    this.files = files;
    this.steps = steps;
    this.refused = refused;
  }
}

/** Goes through histories of a kind. What several of them begin with is done once. */
export class HistoryExplorer {
  readonly #kind: HistoryKind;
  readonly #seed: number;
  readonly #start: Stand;
  readonly #tried = new TriedStates();
  readonly #triedAgain = new TriedStates();
  readonly #counts = { histories: 0, states: 0, refused: 0 };

  constructor(kind: HistoryKind, seed: number) {
    this.#kind = kind;
    this.#seed = seed;
    using _ = this.#repeatable(-1);
    this.#start = new Stand({ beginning: [], files: kind.start(), refused: 0 });
  }

  get counts(): HistoryCounts {
    return { ...this.#counts, tried: this.#tried.size };
  }

  /**
   * Goes through one.
   *
   * @throws {Error} Says in which state what was promised did not hold.
   */
  async explore(history: History): Promise<void> {
    this.#counts.histories++;
    let stand = this.#start;
    for (const letter of history) {
      const next = stand.next.get(letter) ?? await this.#after(stand, letter);
      stand.next.set(letter, next);
      stand = next;
    }
    this.#close(stand);
    this.#counts.refused += stand.refused;
  }

  /**
   * Makes identifiers and times those of a place in a history, the first operation or what comes before: what is done
   * there in several histories, to the same files, leaves the same.
   */
  #repeatable(place: number): Disposable {
    return new SimulatedTime(new Random(1000 * this.#seed + 1 + place));
  }

  async #after(stand: Stand, letter: Letter): Promise<Stand> {
    const beginning = [...stand.beginning, letter];
    const { refused } = stand;
    const step = this.#stepOf(letter, stand.beginning.length, stand.files);
    if (step === undefined) return await this.#maintain(stand, letter);
    const { files } = stand;
    const next = new Stand({ beginning, files, steps: [...stand.steps, step], refused });
    if (letter !== "rebase") return next;
    // What was below is not the parent any more.
    return new Stand({ beginning, files: this.#close(next).slice(0, 1), refused });
  }

  /** Closes the leaf, if it is open; explores what has been done to it since. */
  #close(stand: Stand): readonly SparseFile[] {
    return stand.closed ??= this.#closed(stand);
  }

  #closed({ beginning, files, steps }: Stand): readonly SparseFile[] {
    if (steps.length === 0) return files;
    const [base, ...below] = files;
    const opened = beginning.length - steps.length;
    this.#exploreSteps(beginning, base!, steps, opened);
    using _ = this.#repeatable(opened);
    const leaf = base!.fork();
    runSteps(this.#kind.format, leaf, steps, STEPS + 1000 * beginning.length, {});
    return [leaf, ...below];
  }

  /** What an open image does; `undefined` for what is done to a closed file, or cannot be done. */
  #stepOf(letter: Letter, n: number, files: readonly SparseFile[]): Step | undefined {
    const block = this.#kind.blockSize / SECTOR;
    switch (letter) {
      case "write":
        return ["write", block, 8];
      case "write unaligned":
        return ["write", 3, 2];
      case "write across":
        return ["write", block - 3, 10];
      case "zero":
        return ["zero", block - 2, block + 4];
      case "trim":
        return ["trim", block, block];
      case "flush":
        return ["flush"];
      case "close":
        return ["reopen"];
      case "metadata":
        return this.#kind.metadata(n);
      case "rebase": {
        const { subtype } = this.#kind.format.open(files[0]!);
        if (subtype !== "differencing") return undefined;
        const parent = linkTo(guid(9 - n), 9 - n);
        const made = this.#kind.create({ subtype, parent, blockSize: this.#kind.blockSize });
        return ["parent", parent, JSON.stringify(this.#kind.format.open(made).parent)];
      }
      default:
        return undefined;
    }
  }

  #exploreSteps(
    beginning: History,
    base: SparseFile,
    steps: readonly Step[],
    opened: number,
  ): void {
    using _ = this.#repeatable(opened);
    this.#counts.states += explore({
      title: `${this.#kind.name}: ${beginning.join(", ")}`,
      format: this.#kind.format,
      base,
      steps,
      seed: this.#seed,
      samples: SAMPLES,
      always: true,
      again: 0,
      tried: this.#tried,
    });
  }

  async #maintain(stand: Stand, letter: Letter): Promise<Stand> {
    const { format } = this.#kind;
    const files = this.#close(stand);
    const beginning = [...stand.beginning, letter];
    const n = stand.beginning.length;
    using _ = this.#repeatable(n);
    const after = (files: readonly SparseFile[]) =>
      new Stand({ beginning, files, refused: stand.refused });
    const refusal = () => new Stand({ beginning, files, refused: stand.refused + 1 });
    if (letter === "child") return after([childOf(this.#kind, files[0]!, n + 1), ...files]);
    const run = this.#operation(letter, files);
    if (run === undefined) return refusal();
    const order: Moment[] = [];
    const recorded = files.slice(0, 2).map((base, file) =>
      new NotingSource(base, (count) => order.push({ file, count }))
    );
    const left = () => [...recorded.map((each) => each.contents()), ...files.slice(2)];
    try {
      await run(recorded);
    } catch (error) {
      if (!(error instanceof ImageError && REFUSALS.includes(error.symbol))) {
        throw failure(this.#kind, beginning, () => "without a crash", error);
      }
      assertSame(this.#see(files), this.#see(left()));
      return refusal();
    }
    await this.#exploreMaintenance(beginning, files, { recorded, order, run }, left());
    for (const each of recorded) format.checkClosed?.(each);
    return after(afterwards(letter, left()));
  }

  #operation(
    letter: Letter,
    files: readonly SparseFile[],
  ): Operation | undefined {
    const { format, blockSize, resize, compact, merge } = this.#kind;
    const [leaf, below, ...deeper] = files;
    const { virtualSize } = format.open(leaf!);
    const sizeOf = (file: SparseFile | undefined) => file ? format.open(file).virtualSize : 0;
    switch (letter) {
      case "grow":
        return (files) =>
          Promise.try(resize, files[0]!, virtualSize + blockSize + SECTOR, sizeOf(below));
      case "shrink":
        return (files) =>
          Promise.try(resize, files[0]!, virtualSize - blockSize - SECTOR, sizeOf(below));
      case "compact":
        return async (files) => {
          await compact(files[0]!, below === undefined ? [] : [below, ...deeper]);
        };
      case "merge":
        if (below === undefined) return undefined;
        return ([child, target]) =>
          merge({
            above: [],
            child: child!,
            target: target!,
            targetParentSize: sizeOf(deeper[0]),
            dryRun: false,
            pace: new Pace({}),
          });
      default:
        return undefined;
    }
  }

  /** Whatever a crash leaves reads as before or after, can be written to, and comes to the end when done again. */
  async #exploreMaintenance(
    beginning: History,
    before: readonly SparseFile[],
    { recorded, order, run }: Recorded,
    after: readonly SparseFile[],
  ): Promise<void> {
    const random = new Random(this.#seed);
    const letter = beginning.at(-1)!;
    const old = this.#see(before);
    let size = old.length;
    try {
      const whole = this.#see(afterwards(letter, after));
      assertSame(old, whole);
      size = whole.length;
      const change = { grow: 1, shrink: -1 }[letter as string] ?? 0;
      assertEquals(Math.sign(size - old.length), change, `${old.length} sectors became ${size}`);
    } catch (error) {
      throw failure(this.#kind, beginning, () => "without a crash", error);
    }
    const demand = demandOf(letter, ...before.map((file) => file.fingerprint()));
    const points = recorded.map((each) => new CrashPoints(each));
    const counts = recorded.map(() => 0);
    for (const { file, count } of order) {
      counts[file] = count;
      const stands = points.map((each, i) =>
        i === file ? [] : [...each.statesAt(counts[i]!, random, 1)]
      );
      for (const state of points[file]!.statesAt(count, random, SAMPLES)) {
        this.#counts.states++;
        const states = stands.map((stand, i) => i === file ? state : random.pick(stand));
        const left = states.map(({ file }) => file);
        const probe = random.uint32();
        const isAgain = random.chance(PERCENT_AGAIN);
        const where = () =>
          `seed ${this.#seed}, file ${file}, change ${count} of ${recorded[file]!.changes.length}`;
        try {
          const below = before.slice(left.length);
          if (this.#tried.isNew(demand, left)) this.#checkLeft(left, below, old, probe);
          if (!isAgain || !this.#triedAgain.isNew(demand, left)) continue;
          const again = left.map((file) => file.fork());
          for (const file of again) this.#kind.format.openWritable(file).finish();
          await run(again);
          const ended = this.#see(afterwards(letter, [...again, ...below]));
          assertSame(old, ended);
          assertEquals(ended.length, size, "sectors, when done again");
        } catch (error) {
          throw failure(this.#kind, beginning, where, error);
        }
      }
    }
  }

  #checkLeft(
    left: readonly SparseFile[],
    below: readonly SparseFile[],
    old: Uint32Array,
    probe: number,
  ): void {
    assertSame(old, this.#see([...left, ...below]));
    for (const file of left) this.#kind.format.checkLeft?.(file);
    this.#write(left[0]!, probe);
  }

  /** It can be written to, and is sound then. */
  #write(file: SparseFile, probe: number): void {
    const { format } = this.#kind;
    const written = file.fork();
    const image = format.openWritable(written);
    const { versions: expected } = observe(image);
    const sector = probe % expected.length;
    image.write(stamped(sector, 1, PROBE), sector * SECTOR);
    image.finish();
    format.checkClosed?.(written);
    const { versions } = observe(format.open(written));
    expected[sector] = PROBE;
    const different = versions.findIndex((version, i) => version !== expected[i]);
    if (different >= 0) throw new Error(`sector ${different} changed with a write to ${sector}`);
  }

  /** What the user of the chain sees. */
  #see(files: readonly SparseFile[]): Uint32Array {
    const images = files.map((file) => this.#kind.format.open(file));
    for (const [i, { parent }] of images.slice(0, -1).entries()) {
      const { identifier } = images[i + 1]!;
      if (parent?.identifiers.includes(identifier!)) continue;
      throw new Error(`a child expects ${parent?.identifiers}, its parent is ${identifier}`);
    }
    const seen = images.map(observe);
    return seen.slice(1).reduce(beneath, seen[0]!.versions);
  }
}

/** The chain that there is after an operation: a child that has been merged is done with. */
function afterwards(letter: Letter, files: readonly SparseFile[]): readonly SparseFile[] {
  return letter === "merge" ? files.slice(1) : files;
}

/** Every sector that both have is the same; what one has more is zeros. */
function assertSame(old: Uint32Array, seen: Uint32Array): void {
  for (let i = 0; i < seen.length; i++) {
    const expected = i < old.length ? old[i] : ZEROS;
    // Of a child that was given another parent, nothing is known.
    if (seen[i] === expected || (i >= old.length && seen[i] === PARENT)) continue;
    throw new Error(`sector ${i} is version ${seen[i]}, expected ${expected}`);
  }
}

/** What is in the parent shows where the child has nothing of its own. */
function beneath(versions: Uint32Array, { versions: below }: Observation): Uint32Array {
  return versions.map((version, i) => version === PARENT ? below[i] ?? ZEROS : version);
}

function failure(
  { name }: HistoryKind,
  history: History,
  where: () => string,
  cause: unknown,
): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`${name}: ${history.join(", ")}: ${reason}\n${where()}`, { cause });
}
