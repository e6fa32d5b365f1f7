/** Steps that change the shape of the files of an open disk: another size, fewer blocks, fewer files. */
import type {
  ErrorSymbol,
  OperationOptions,
  PortableVirtualDisk,
} from "@virtdisk/virtdisk/portable";
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk/portable";
import { isOpen, isWritable, type Operation, sessionOf } from "./operation.ts";
import type { Session, Simulation } from "./simulation.ts";
import type { Image } from "./world.ts";

/** How an operation is watched: cancelled at some moment, or disturbed by others. */
interface Watch {
  readonly options: OperationOptions;
  /** With which it is cancelled. */
  readonly reason: unknown;
  /** What the disturbances came to, once the operation is over. */
  settled(): Promise<void>;
}

/** Now and then an operation is cancelled; and who wants something of the disk meanwhile is refused, or served rightly. */
export function watch(sim: Simulation, disk?: PortableVirtualDisk): Watch {
  const { random } = sim;
  const controller = new AbortController();
  const reason = new Error("cancelled");
  const when = random.chance(25) ? random.below(6) : undefined;
  const disturbs = disk !== undefined && random.chance(20);
  const disturbances: Promise<unknown>[] = [];
  let reports = 0;
  if (when === 0) controller.abort(reason);
  return {
    reason,
    options: {
      signal: controller.signal,
      onProgress: () => {
        if (++reports === when) controller.abort(reason);
        if (!disturbs || sim.machine.isArmed) return;
        disturbances.push(disk.compact().then(() => undefined, (error: unknown) => error));
        readMeanwhile(sim, disk);
      },
    },
    async settled() {
      for (const error of await Promise.all(disturbances)) {
        if (isBusy(error) || sim.machine.folder.isKilled) continue;
        sim.fail(`a second operation at the same time: ${error}`);
      }
    },
  };
}

/** Whoever reads while an operation is running gets what is right, or is refused. */
function readMeanwhile(sim: Simulation, disk: PortableVirtualDisk): void {
  const { model } = sim.session!.image;
  const bytes = new Uint8Array(512);
  const offset = sim.random.below(model.size / 512) * 512;
  try {
    // A disk that is being made smaller may end before.
    const count = disk.readSync(bytes, offset);
    const difference = model.difference(bytes.subarray(0, count), offset);
    if (difference !== undefined) sim.fail(`read during an operation: ${difference}`);
  } catch (error) {
    if (!isBusy(error)) throw error;
  }
}

const BUSY: readonly ErrorSymbol[] = ["ERROR_INVALID_STATE", "ERROR_INVALID_HANDLE"];

const isBusy = (error: unknown) =>
  error instanceof VirtualDiskError && BUSY.includes(error.symbol as ErrorSymbol);

const resize: Operation = {
  name: "resize",
  weight: 5,
  isPossible: isWritable,
  run: async (sim) => {
    const { random, world } = sim;
    const session = sessionOf(sim);
    const { disk, image } = session;
    const { name, type, model, blockSize, sectorSize, parent } = image;
    const unit = random.chance(50) ? blockSize || 4096 : sectorSize;
    const most = type === "vhdx" ? 12 * 2 ** 20 : Math.max(2 ** 18, 2 * model.size);
    const change = unit * (1 + random.below(4)) * (random.chance(50) ? 1 : -1);
    const size = Math.min(most, Math.max(sectorSize, model.size + change));
    const isSmaller = size < model.size;
    const symbols: ErrorSymbol[] = [];
    if (type === "vhd" && (parent !== undefined || isSmaller)) {
      symbols.push("ERROR_VHD_INVALID_TYPE");
    }
    if (size !== model.size && world.childrenOf(name).length > 0) {
      symbols.push("ERROR_VHD_INVALID_STATE");
    }
    const { options, reason, settled } = watch(sim, disk);
    const after = model.fork();
    after.resize(size);
    sim.interruptible(async () => {
      const [before] = [image.model];
      // What a killed process has left may go with the power, unless whoever found it makes it durable.
      using file = Deno.openSync(sim.path(name));
      file.syncSync();
      file.close();
      const found = await sim.look(name, (disk) => disk.size);
      const models = [before, after].filter((each) => each.size === found);
      if (models.length === 0) sim.fail(`${name} has ${found} bytes now`);
      image.model = await sim.chooseModel(image, models, "after a resize that was interrupted");
    });
    const outcome = await sim.attempt(
      `resize from ${model.size} to ${size}`,
      () => disk.resize(size, { ...options, allowUnsafe: true }),
      { refusals: symbols, mustRefuse: symbols.length > 0 && !session.isBroken, reason },
    );
    await settled();
    if (outcome.kind === "done") {
      image.model = after;
      session.hasWritten = true;
      if (disk.size !== size) sim.fail(`the size is ${disk.size}`);
    }
    if (outcome.kind === "failed") await sim.settle();
    if (outcome.kind === "cancelled") {
      if (disk.size === size) image.model = after;
      await afterCancelling(sim, session);
    }
  },
};

const compact: Operation = {
  name: "compact",
  weight: 5,
  isPossible: isWritable,
  run: async (sim) => {
    const { random } = sim;
    const session = sessionOf(sim);
    const { disk, image } = session;
    const [noZeroScan, noBlockMoves] = [random.chance(20), random.chance(20)];
    const { options, reason, settled } = watch(sim, disk);
    const refusals: ErrorSymbol[] = image.isFixed ? ["ERROR_VHD_INVALID_TYPE"] : [];
    const mustRefuse = image.isFixed && !session.isBroken;
    const plan = random.chance(50)
      ? await tried(sim, () => disk.compact({ dryRun: true, noZeroScan, noBlockMoves }), refusals)
      : undefined;
    if (sim.machine.folder.isKilled || sim.session !== session) return;
    const outcome = await sim.attempt(
      `compact${noZeroScan ? ", no zero scan" : ""}${noBlockMoves ? ", no moves" : ""}`,
      () => disk.compact({ ...options, noZeroScan, noBlockMoves }),
      { refusals, mustRefuse, reason },
    );
    await settled();
    if (outcome.kind === "done") {
      session.hasWritten = true;
      const { releasedBlocks, fileSize } = outcome.value;
      if (plan !== undefined && plan.releasedBlocks !== releasedBlocks) {
        sim.fail(`${releasedBlocks} blocks were released, and ${plan.releasedBlocks} announced`);
      }
      if (plan !== undefined && plan.fileSize !== fileSize) {
        sim.fail(`the file has ${fileSize} bytes, and ${plan.fileSize} were announced`);
      }
      await readAll(sim, session, "after it was compacted");
    }
    if (outcome.kind === "failed") await sim.settle();
    if (outcome.kind === "cancelled") await afterCancelling(sim, session);
  },
};

/** A dry run, which changes nothing. */
async function tried<T>(
  sim: Simulation,
  run: () => Promise<T>,
  refusals: readonly ErrorSymbol[],
): Promise<T | undefined> {
  const { session, machine } = sim;
  const before = machine.folder.steps.length;
  const outcome = await sim.attempt("dry run", run, { refusals });
  // What was written to the open disk may reach its file before that is looked at; flushing changes nothing.
  const isChanged = machine.folder.steps.slice(before).some((step) =>
    step.kind === "names" || step.kind === "change" && step.change.kind !== "flush"
  );
  if (!session!.hasWritten && isChanged) sim.fail("the dry run has changed something");
  if (outcome.kind === "failed") await sim.settle();
  return outcome.kind === "done" ? outcome.value : undefined;
}

/** What is left after an operation was cancelled reads as before, without being opened again. */
async function afterCancelling(sim: Simulation, session: Session): Promise<void> {
  session.hasWritten = true;
  sim.interruptible(undefined);
  await readAll(sim, session, "after it was cancelled");
}

/** All of the open disk is what it must be. */
export async function readAll(sim: Simulation, session: Session, when: string): Promise<void> {
  const { disk, image: { model } } = session;
  const bytes = new Uint8Array(disk.size);
  const outcome = await sim.attempt("read all", () => disk.readSync(bytes, 0));
  if (outcome.kind !== "done") return;
  sim.counts["bytes compared"] += bytes.length;
  const difference = model.difference(bytes);
  if (difference !== undefined) sim.fail(`${when}: ${difference}`);
}

const checkOpen: Operation = {
  name: "check (open)",
  weight: 2,
  isPossible: isOpen,
  run: async (sim) => {
    const session = sessionOf(sim);
    const repair = session.isWritable && sim.random.chance(50);
    const outcome = await sim.attempt(
      `check${repair ? " and repair" : ""}`,
      () => session.disk.check({ repair }),
    );
    if (outcome.kind === "failed") return await sim.settle();
    if (outcome.kind !== "done") return;
    const { sound, findings } = outcome.value;
    // What was closed well, or is repaired, has no fault.
    if (repair && !sound) sim.fail(`it is not sound when repaired: ${JSON.stringify(findings)}`);
    await readAll(sim, session, "after a check");
  },
};

/** What is merged into what. */
interface Merge {
  /** Before it, the leaf first. */
  readonly chain: readonly Image[];
  /** From 1 on. */
  readonly source: number;
  readonly target: number;
  readonly removeChild: boolean;
}

const merge: Operation = {
  name: "merge",
  weight: 6,
  isPossible: isWritable,
  run: async (sim) => {
    const { random, world } = sim;
    const session = sessionOf(sim);
    const { disk, image } = session;
    const chain = world.chainOf(image.name);
    const removeChild = random.chance(60);
    const source = random.chance(70) ? 1 : 1 + random.below(Math.min(2, chain.length));
    const most = removeChild ? chain.length : source + 1;
    const target = Math.min(most, source + 1 + random.below(2));
    const plan: Merge = { chain, source, target, removeChild };
    const { symbols, isCertain } = refusalsOf(sim, plan);
    const { options, reason, settled } = watch(sim, disk);
    const depths = { sourceDepth: source, targetDepth: Math.max(target, source + 1), removeChild };
    if (random.chance(30)) {
      await tried(sim, () => disk.merge({ ...depths, dryRun: true }), symbols);
      if (sim.machine.folder.isKilled || sim.session !== session) return;
    }
    sim.interruptible(() => finishMerge(sim, plan));
    const outcome = await sim.attempt(
      `merge ${source} of ${chain.length} into ${target}${removeChild ? ", and remove" : ""}`,
      () => disk.merge({ ...options, ...depths }),
      { refusals: symbols, mustRefuse: isCertain && !session.isBroken, reason },
    );
    await settled();
    if (outcome.kind === "done") {
      if (disk.closed) sim.session = undefined;
      else session.hasWritten = true;
      merged(sim, plan);
    }
    if (outcome.kind === "refused") sim.interruptible(undefined);
    if (outcome.kind === "failed" || outcome.kind === "cancelled") await sim.settle();
  },
};

/** Why a merge is refused. */
function refusalsOf(
  { world }: Simulation,
  { chain, source, removeChild }: Merge,
): { symbols: ErrorSymbol[]; isCertain: boolean } {
  if (chain.length === 1) return { symbols: ["ERROR_VHD_INVALID_TYPE"], isCertain: true };
  if (source + 1 > chain.length) {
    return { symbols: ["ERROR_INVALID_PARAMETER"], isCertain: true };
  }
  return { symbols: hasOthers(world, chain, source, removeChild), isCertain: false };
}

function hasOthers(
  world: Simulation["world"],
  chain: readonly Image[],
  source: number,
  removeChild: boolean,
): ErrorSymbol[] {
  const affected = chain.slice(removeChild ? source - 1 : source);
  const others = affected.flatMap(({ name }) => world.childrenOf(name))
    .filter((child) => !chain.includes(child));
  return others.length > 0 ? ["ERROR_VHD_INVALID_STATE"] : [];
}

/** The merge has come to its end. */
function merged({ world }: Simulation, { chain, source, target, removeChild }: Merge): void {
  const child = chain[source - 1]!;
  const into = chain[target - 1]!;
  into.model = child.model.fork();
  // It is, before anything goes that it was read from.
  into.model.flushed();
  if (!removeChild) return;
  for (const { name } of chain.slice(source - 1, target - 1)) world.images.delete(name);
  const above = chain[source - 2];
  if (above !== undefined) above.parent = into.name;
}

/** After it was interrupted: the disk reads as before, by its name or, if that is gone, through what it was merged into. */
async function finishMerge(sim: Simulation, plan: Merge): Promise<void> {
  const { chain, source, target, removeChild } = plan;
  const names = sim.machine.folder.names();
  const [leaf] = chain;
  const into = chain[target - 1]!;
  const removed = removeChild ? chain.slice(source - 1, target - 1) : [];
  if (names.includes(leaf!.name)) {
    await sim.verify(leaf!, "after a merge that was interrupted");
    const parents = await sim.look(leaf!.name, (disk) => disk.parents);
    const left = chain.filter(({ name }) =>
      name === leaf!.name || parents.includes(sim.path(name))
    );
    // What is not in the chain any more may have been removed already.
    for (const { name } of removed) {
      if (!left.some((each) => each.name === name) && names.includes(name)) {
        Deno.removeSync(sim.path(name));
      }
    }
    const isLeft = removed.some((each) => left.includes(each)) || !removeChild;
    const targetDepth = 1 + left.indexOf(into);
    if (isLeft && targetDepth > source) {
      const options = { readOnly: false, backend: "portable" } as const;
      using disk = await openVirtualDisk(sim.path(leaf!.name), options);
      sim.log(`merge ${source} of ${left.length} into ${targetDepth} again`);
      await disk.merge({ sourceDepth: source, targetDepth, removeChild });
    }
  } else if (source !== 1 || !removeChild) sim.fail(`${leaf!.name} is gone`);
  merged(sim, plan);
}

/** Steps of this kind. */
export const SHAPE: readonly Operation[] = [resize, compact, checkOpen, merge];
