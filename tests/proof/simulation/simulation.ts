/**
 * One history of a chain of images, which a seed decides: what is done to them, when the disk is full or fails, when the
 * process is killed and the power fails, and what a crash leaves. After each of these everything is opened again, and
 * compared with what it must hold.
 */
import { openVirtualDisk, type PortableVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { checkVirtualDisk, type ErrorSymbol } from "@virtdisk/virtdisk/portable";
import type { Files } from "../../crash/simulated_folder.ts";
import { Random } from "../../fuzz/random.ts";
import { contentsOf } from "../../images.ts";
import type { DiskModel } from "./disk_model.ts";
import { makeChain } from "./files.ts";
import { OPERATIONS } from "./operations.ts";
import { type MachineOptions, type PlantedFault, SimulatedMachine } from "./simulated_machine.ts";
import { SimulatedTime } from "./simulated_time.ts";
import { type Image, itemsOf, World } from "./world.ts";

/** How many steps a history has. */
export const STEPS = 300;
/** So many of the last steps are told of a failure. */
const TOLD = 12;
/** Of a hundred steps: before how many something is armed that is to happen soon. */
const PERCENT_ARMED = 30;
/** Of a hundred steps: before how many the volume becomes full, and before how many there is room again. */
const PERCENT_FULL = 3;
const PERCENT_ROOM = 25;
/** Of a hundred steps: after how many the power fails, or the process is killed, between two operations. */
const PERCENT_CRASH = 4;

/** What came of something that was tried. */
export type Outcome<T> =
  | { readonly kind: "done"; readonly value: T }
  /** For a reason that the operation must have. */
  | { readonly kind: "refused"; readonly symbol: ErrorSymbol }
  /** The disk under the image failed, or was full. */
  | { readonly kind: "failed"; readonly symbol: ErrorSymbol }
  | { readonly kind: "cancelled" }
  | { readonly kind: "killed" };

/** An open disk. */
export interface Session {
  readonly disk: PortableVirtualDisk;
  readonly image: Image;
  readonly isWritable: boolean;
  /** Whether a write has failed, so that it may write nothing more. */
  isBroken: boolean;
  /** Whether anything was written. */
  hasWritten: boolean;
}

/** Of a disk that was just opened. */
export function newSession(
  disk: PortableVirtualDisk,
  image: Image,
  isWritable: boolean,
): Session {
  return { disk, image, isWritable, isBroken: false, hasWritten: false };
}

/** What a history is made of, beside its seed. */
export interface SimulationOptions {
  /** Default: {@linkcode STEPS}. */
  readonly steps?: number | undefined;
  /** A fault in the code under test. */
  readonly planted?: PlantedFault | undefined;
  /** Is told of each step. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** How much a history was. */
export interface SimulationCounts {
  steps: number;
  kills: number;
  "power failures": number;
  failures: number;
  cancellations: number;
  refusals: number;
  "bytes compared": number;
}

/** Those of no history. */
export const NO_COUNTS: Readonly<SimulationCounts> = {
  steps: 0,
  kills: 0,
  "power failures": 0,
  failures: 0,
  cancellations: 0,
  refusals: 0,
  "bytes compared": 0,
};

/** What a history leaves. */
export interface SimulationResult {
  readonly counts: Readonly<SimulationCounts>;
  /** By name of an operation: how often it was done. */
  readonly operations: ReadonlyMap<string, number>;
  /** The same for the same seed, down to each change of a file. */
  readonly digest: string;
}

/** What was promised did not hold. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
}

/** What a disk says when its file could not be written or read. */
const FAILURES: readonly ErrorSymbol[] = [
  "ERROR_DISK_FULL",
  "ERROR_IO_DEVICE",
  "ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT",
];

/** Who cannot look for the children of a disk does not write to it. */
const UNCERTAIN = /cannot be found out: .* cannot be read \(ERROR_IO_DEVICE\)/;

/** One history. */
export class Simulation {
  readonly seed: number;
  readonly random: Random;
  readonly world = new World();
  readonly machine: SimulatedMachine;
  /** The disk that is open, if one is. */
  session: Session | undefined;
  readonly counts: SimulationCounts = { ...NO_COUNTS };
  /** Temporary files that a crash has left. */
  readonly #abandoned = new Set<string>();
  readonly #operations = new Map<string, number>();
  readonly #options: SimulationOptions;
  readonly #lines: string[] = [];
  /** Brings the world to what there is, after what was under way has come to nothing. */
  #reconcile: (() => Promise<void>) | undefined;

  private constructor(seed: number, options: SimulationOptions) {
    this.seed = seed;
    this.random = new Random(seed);
    this.#options = options;
    const machine: MachineOptions = {
      hostSector: this.random.pick([512, 4096]),
      copiesOnWrite: this.random.chance(25),
      planted: options.planted,
    };
    const files: Files = new Map();
    this.machine = new SimulatedMachine(files, this.random, machine);
  }

  /**
   * Lives through a history.
   *
   * @throws {BrokenPromise} Says what did not hold, in which step, and how to come there again.
   */
  static async run(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
    const simulation = new Simulation(seed, options);
    using _time = new SimulatedTime(new Random(seed + 0x10000));
    using _machine = simulation.machine;
    try {
      return await simulation.#run(options.steps ?? STEPS);
    } catch (error) {
      throw simulation.#explained(error);
    }
  }

  /** Says what happens. */
  log(line: string): void {
    this.#lines.push(line);
    this.machine.note(line);
    this.#options.trace?.(line);
  }

  /** @throws {BrokenPromise} Always. */
  fail(what: string): never {
    throw new BrokenPromise(what);
  }

  path(name: string): string {
    return this.machine.folder.file(name);
  }

  /**
   * Tries something.
   *
   * @param what For the trace.
   * @param refusals Why it may be refused, and if `mustRefuse` is, why it must be.
   * @throws {BrokenPromise} If it fails for no reason that is known, or does what it must not.
   */
  async attempt<T>(
    what: string,
    run: (signal?: AbortSignal) => T | Promise<T>,
    { refusals = [], mustRefuse = false, reason }: {
      readonly refusals?: readonly ErrorSymbol[];
      readonly mustRefuse?: boolean;
      /** With which it is cancelled. */
      readonly reason?: unknown;
    } = {},
  ): Promise<Outcome<T>> {
    this.log(what);
    const failures = this.machine.failures;
    const outcome = await this.#outcomeOf(run, (error): Outcome<T> => {
      if (reason !== undefined && error === reason) return { kind: "cancelled" };
      if (!(error instanceof VirtualDiskError)) throw error;
      const symbol = error.symbol as ErrorSymbol;
      if (refusals.includes(symbol)) return { kind: "refused", symbol };
      const isExplained = this.machine.failures > failures || this.session?.isBroken === true;
      if (isExplained && (FAILURES.includes(symbol) || UNCERTAIN.test(error.message))) {
        return { kind: "failed", symbol };
      }
      throw error;
    });
    if (outcome.kind !== "done") this.log(`  ${Object.values(outcome).join(": ")}`);
    if (mustRefuse && outcome.kind === "done") {
      this.fail(`${what}: it must be refused: ${refusals}`);
    }
    if (outcome.kind === "refused") this.counts.refusals++;
    if (outcome.kind === "cancelled") this.counts.cancellations++;
    return outcome;
  }

  async #outcomeOf<T>(
    run: () => T | Promise<T>,
    failed: (error: unknown) => Outcome<T>,
  ): Promise<Outcome<T>> {
    try {
      const value = await run();
      return this.machine.folder.isKilled ? { kind: "killed" } : { kind: "done", value };
    } catch (error) {
      return this.machine.folder.isKilled ? { kind: "killed" } : failed(error);
    }
  }

  /**
   * What is under way may be interrupted from here on.
   *
   * @param reconcile Called when it was, with no disk open, and nothing that fails: brings the world to what there is.
   */
  interruptible(reconcile: (() => Promise<void>) | undefined): void {
    this.#reconcile = reconcile;
  }

  /** Opens an image for reading, and closes it again. */
  async look<T>(name: string, run: (disk: PortableVirtualDisk) => T): Promise<T> {
    return await this.machine.quietly(async () => {
      using disk = await openVirtualDisk(this.path(name), { backend: "portable" });
      return run(disk);
    });
  }

  /**
   * Closes the disk that is open, if there is one.
   *
   * @param isWhole Whether the files of closed disks are looked at, too.
   */
  async close(): Promise<void> {
    const { session } = this;
    if (session === undefined) return;
    const { failures } = this.machine;
    const outcome = await this.attempt(`close ${session.image.name}`, () => session.disk.close());
    if (outcome.kind === "killed") return;
    this.session = undefined;
    const { image, hasWritten } = session;
    const isIncomplete = outcome.kind === "done" && this.machine.failures > failures;
    if (isIncomplete && !session.isBroken) {
      this.fail(`${image.name} was closed without a word, though not all could be written`);
    }
    // What was interrupted may have made another disk of it.
    const isSettled = this.#reconcile === undefined;
    if (outcome.kind === "failed" || session.isBroken || isIncomplete) {
      if (isSettled) await this.verify(image, "left by a disk that failed");
      return;
    }
    if (!hasWritten) return;
    image.model.flushed();
    image.items.flushed();
    if (this.random.chance(40)) await this.#assertSound(image, "closed");
  }

  /** What was interrupted without a crash, by a fault or by its user, is looked at, and the world brought to what there is. */
  async settle(): Promise<void> {
    this.machine.arm(undefined);
    this.machine.isFull = false;
    if (this.session !== undefined) this.session.isBroken = true;
    await this.close();
    await this.#reconcile?.();
    this.#reconcile = undefined;
    await this.#verifyTouched("after an operation that failed");
  }

  /** Opens an image, and compares what it holds with what it must hold, or may after a crash. */
  async verify(image: Image, when: string, isDurable = false): Promise<void> {
    const { name, model, items } = image;
    await this.#explaining(`${name} ${when}`, async () => {
      const [bytes, found] = await this.look(name, (disk) => [
        contentsOf(disk),
        itemsOf(disk),
      ]);
      this.counts["bytes compared"] += bytes.length;
      const breach = model.breach(bytes) ?? items.difference(found, true);
      if (breach !== undefined) this.fail(breach);
      if (isDurable) model.adoptAsDurable(bytes);
      else model.adopt(bytes);
      items.adopt(found, isDurable);
    });
  }

  /** Which of these the image is now. */
  async chooseModel(image: Image, models: readonly DiskModel[], when: string): Promise<DiskModel> {
    const bytes = await this.look(image.name, contentsOf);
    const breaches = models.map((model) => model.breach(bytes));
    const index = breaches.indexOf(undefined);
    if (index >= 0) return models[index]!;
    this.fail(`${image.name} ${when} is neither of what it may be: ${breaches.join("; or ")}`);
  }

  async #explaining<T>(what: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new BrokenPromise(`${what}: ${reason}`, { cause: error });
    }
  }

  async #run(steps: number): Promise<SimulationResult> {
    await makeChain(this);
    for (let step = 0; step < steps; step++) {
      this.counts.steps++;
      this.log(`${step}:`);
      await this.#step();
      this.#assertTidy();
    }
    this.machine.arm(undefined);
    this.machine.isFull = false;
    await this.close();
    await this.#verifyAll("in the end");
    for (const image of this.world.images.values()) await this.#mend(image);
    this.counts.failures = this.machine.failures;
    return { counts: this.counts, operations: this.#operations, digest: this.machine.digest() };
  }

  async #step(): Promise<void> {
    const { random, machine } = this;
    if (machine.isFull && random.chance(PERCENT_ROOM)) machine.isFull = false;
    else if (random.chance(PERCENT_FULL)) machine.isFull = true;
    if (!machine.isArmed && random.chance(PERCENT_ARMED)) {
      const what = random.pick(["kill", "kill", "kill", "write error", "read error"] as const);
      machine.arm({ what, after: random.below(random.pick([2, 10, 40])) });
    }
    const possible = OPERATIONS.filter(({ isPossible }) => isPossible(this));
    const all = possible.flatMap((each) => Array<typeof each>(each.weight).fill(each));
    const operation = random.pick(all);
    this.#operations.set(operation.name, (this.#operations.get(operation.name) ?? 0) + 1);
    await operation.run(this);
    if (machine.folder.isKilled) await this.#crash(true);
    else if (random.chance(PERCENT_CRASH)) await this.#crash(false);
    else this.#reconcile = undefined;
  }

  /** Nothing is open but what is known to be, and there is no file but those that are known. */
  #assertTidy(): void {
    const { folder } = this.machine;
    const open = this.session === undefined ? 0 : 1 + this.session.disk.parents.length;
    if (folder.openHandles !== open) {
      this.fail(`${folder.openHandles} files are open, not ${open}`);
    }
    const names = folder.names().filter((name) =>
      !this.world.images.has(name) && !this.#abandoned.has(name)
    );
    if (names.length > 0) this.fail(`nobody knows what these files are: ${names.join(", ")}`);
  }

  /** The process is gone, or goes: with the power, or alone. */
  async #crash(isKilled: boolean): Promise<void> {
    const { random, machine } = this;
    const isPowerFailure = random.chance(60);
    this.session = undefined;
    const touched = machine.touchedNames();
    if (isPowerFailure) {
      this.counts["power failures"]++;
      this.log("the power fails");
      this.log(machine.failPower());
    } else {
      this.counts.kills++;
      this.log(isKilled ? "(a new process)" : "the process is killed");
      machine.restartProcess();
    }
    // Else a child that is back would keep others from doing again what was interrupted.
    for (const name of machine.folder.names()) {
      if (this.world.removed.has(name)) Deno.removeSync(this.path(name));
    }
    await this.#reconcile?.();
    this.#reconcile = undefined;
    // A name that a killed process gave may go with the power, unless whoever found it makes it durable.
    using folder = Deno.openSync(machine.folder.path);
    folder.syncSync();
    folder.close();
    this.#removeUnknown(isPowerFailure);
    const when = isPowerFailure ? "after the power failed" : "after a kill";
    await this.#verifyTouched(when, touched, isPowerFailure);
    for (const image of this.world.images.values()) {
      if (random.chance(30)) await this.#mend(image);
    }
  }

  /** What a crash may leave: temporary files, which the next command removes, and names that were taken away before. */
  #removeUnknown(isPowerFailure: boolean): void {
    for (const name of this.machine.folder.names()) {
      if (this.world.images.has(name)) continue;
      if (name.endsWith(".tmp")) {
        this.#abandoned.add(name);
        continue;
      }
      if (!isPowerFailure) this.fail(`nobody knows what ${name} is`);
      Deno.removeSync(this.path(name));
    }
  }

  /**
   * The command that opened an image for writing has removed what others have abandoned, but for a second name of the
   * image itself, which is locked.
   */
  assertNoTemporaryFiles({ name }: Image): void {
    const { folder } = this.machine;
    const left = folder.names().filter((each) =>
      each.endsWith(".tmp") && folder.recorded(each) !== folder.recorded(name)
    );
    if (left.length > 0) this.fail(`${left.join(", ")} should be removed`);
  }

  /** Looks at the images that may have changed, and at some of the others. */
  async #verifyTouched(when: string, before = new Set<string>(), isDurable = false): Promise<void> {
    const touched = before.union(this.machine.touchedNames());
    for (const image of this.world.images.values()) {
      // Of what was not changed, and is durable, there is one state.
      const isTouched = this.world.chainOf(image.name).some(({ name, model }) =>
        touched.has(name) || !model.isDurable
      );
      if (isTouched || this.random.chance(15)) await this.verify(image, when, isDurable);
    }
  }

  async #verifyAll(when: string, isDurable = false): Promise<void> {
    for (const image of this.world.images.values()) await this.verify(image, when, isDurable);
  }

  /** What a crash has left is repaired, or written to, and has no fault then. */
  async #mend(image: Image): Promise<void> {
    await this.#explaining(`${image.name} after a crash`, async () => {
      if (this.random.chance(50)) await checkVirtualDisk(this.path(image.name), { repair: true });
      else {(await openVirtualDisk(this.path(image.name), { backend: "portable", readOnly: false }))
          .close();}
    });
    await this.verify(image, "after it was mended");
    await this.#assertSound(image, "mended");
  }

  async #assertSound({ name }: Image, when: string): Promise<void> {
    const { sound, findings } = await this.machine.quietly(() => checkVirtualDisk(this.path(name)));
    if (!sound) this.fail(`${name}, ${when}, is not sound: ${JSON.stringify(findings)}`);
  }

  #explained(error: unknown): Error {
    const reason = error instanceof Error ? error.message : String(error);
    const { seed, counts: { steps } } = this;
    return new BrokenPromise(
      `seed ${seed}, step ${steps - 1}: ${reason}\n\nThe last that happened:\n${
        this.#lines.slice(-TOLD * 3).join("\n")
      }\n\nOnce more: deno task sim --seed ${seed} --steps ${steps}`,
      { cause: error },
    );
  }
}
