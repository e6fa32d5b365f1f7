/** Steps that make image files, move them, take them away, or look at them while they are closed. */
import {
  checkVirtualDisk,
  type CreateOptions,
  createVirtualDisk,
  diagnose,
  type ErrorSymbol,
  findVirtualDiskChains,
  openVirtualDisk,
  type PortableVirtualDisk,
  rebaseVirtualDisk,
} from "@virtdisk/virtdisk/portable";
import type { ImageSpec } from "../../../src/portable/image/image.ts";
import { createVhdIn, newImage } from "../../crash/formats.ts";
import { vhdSpec } from "../../portable/vhd/vhd_builder.ts";
import { DiskModel } from "./disk_model.ts";
import {
  always,
  bytesFor,
  isInUse,
  isLocked,
  isOpen,
  type Operation,
  placeIn,
  readable,
  sessionOf,
} from "./operation.ts";
import { watch } from "./shape.ts";
import { newSession, type Simulation } from "./simulation.ts";
import { type Image, ItemsModel } from "./world.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const SECTOR = 512;
/** More images there are not at a time. */
const MOST_IMAGES = 5;
const BLOCK_SIZES = { vhd: [512 * KIB, 2 * MIB], vhdx: [MIB, 2 * MIB, 4 * MIB] } as const;
/** Which only the builder of images can make, so that a short history has many blocks. */
const SMALL_BLOCKS = [4096, 8192];

const hasRoom = ({ world }: Simulation) => world.images.size < MOST_IMAGES;

/** The images at the beginning: a chain of one to five, each with something of its own. */
export async function makeChain(sim: Simulation): Promise<void> {
  const { random, world } = sim;
  const type = random.pick(["vhd", "vhdx"] as const);
  const isSmall = type === "vhd" && random.chance(60);
  const base = isSmall ? makeSmall(sim) : await makeBase(sim, type);
  const length = 1 + random.below(5);
  let last = base;
  await fill(sim, last);
  for (let i = 1; i < length; i++) {
    const name = world.newName(type);
    const blockSize = isSmall ? undefined : random.pick(BLOCK_SIZES[type]);
    const disk = await createVirtualDisk(sim.path(name), {
      parent: sim.path(last.name),
      blockSize,
    });
    last = add(sim, name, disk, last);
    disk.close();
    await fill(sim, last);
  }
}

/** A VHD with blocks smaller than a user can ask for. */
function makeSmall(sim: Simulation): Image {
  const { random, world, machine } = sim;
  const isFixed = random.chance(25);
  const blockSize = isFixed ? 0 : random.pick(SMALL_BLOCKS);
  const spec: ImageSpec = vhdSpec({
    subtype: isFixed ? "fixed" : "dynamic",
    virtualSize: 4096 * (6 + random.below(20)) + SECTOR * random.below(8),
    blockSize,
    identifier: crypto.randomUUID(),
  });
  const name = world.newName("vhd");
  using file = Deno.openSync(sim.path(name), { read: true, write: true, createNew: true });
  file.writeSync(newImage(createVhdIn, spec).bytes());
  file.syncSync();
  flushFolder(machine.folder.path);
  const image: Image = {
    name,
    type: "vhd",
    isFixed,
    blockSize,
    sectorSize: SECTOR,
    parent: undefined,
    model: new DiskModel(new Uint8Array(spec.virtualSize)),
    items: new ItemsModel(),
  };
  world.images.set(name, image);
  sim.log(`${name}: ${isFixed ? "fixed" : "dynamic"}, ${spec.virtualSize}, blocks of ${blockSize}`);
  return image;
}

async function makeBase(sim: Simulation, type: "vhd" | "vhdx"): Promise<Image> {
  const name = sim.world.newName(type);
  const options = newOptions(sim, type);
  const disk = await createVirtualDisk(sim.path(name), options);
  const image = add(sim, name, disk, undefined);
  disk.close();
  return image;
}

/** Of an image without a parent. */
function newOptions({ random }: Simulation, type: "vhd" | "vhdx"): CreateOptions<"portable"> {
  const subtype = random.chance(25) ? "fixed" : "dynamic";
  const sectorSize = type === "vhdx" && random.chance(40) ? 4096 : 512;
  return {
    type,
    subtype,
    sectorSize,
    size: 3 * MIB + sectorSize * random.pick([0, 1, random.below(40), MIB / sectorSize]),
    ...subtype === "dynamic" && { blockSize: random.pick(BLOCK_SIZES[type]) },
    ...type === "vhdx" && { physicalSectorSize: random.pick([512, 4096]) },
  };
}

/** The user knows of an image that was made: it reads as its parent does, or as what it is a copy of. */
function add(
  sim: Simulation,
  name: string,
  disk: PortableVirtualDisk,
  parent: Image | undefined,
  contents?: DiskModel,
): Image {
  const { blockSize, sectorSize, virtualSize } = disk.getInformation("size");
  const model = new DiskModel(new Uint8Array(virtualSize));
  model.bytes.set((contents ?? parent?.model)?.bytes.subarray(0, virtualSize) ?? []);
  const isFixed = disk.getInformation("providerSubtype") === "fixed";
  const image: Image = {
    name,
    type: name.endsWith("x") ? "vhdx" : "vhd",
    isFixed,
    blockSize: isFixed ? 0 : blockSize,
    sectorSize,
    parent: parent?.name,
    model,
    items: new ItemsModel(),
  };
  sim.world.images.set(name, image);
  const kind = isFixed ? "fixed" : parent === undefined ? "dynamic" : `child of ${parent.name}`;
  sim.log(`${name}: ${kind}, ${virtualSize}, blocks of ${blockSize}, sectors of ${sectorSize}`);
  return image;
}

/** Writes something into it. */
async function fill(sim: Simulation, image: Image): Promise<void> {
  const options = { readOnly: false, backend: "portable" } as const;
  using disk = await openVirtualDisk(sim.path(image.name), options);
  for (let i = sim.random.below(6); i > 0; i--) {
    const { offset, length } = placeIn(sim.random, image);
    const bytes = bytesFor(sim.random, length);
    disk.writeSync(bytes, offset);
    image.model.write(bytes, offset);
  }
  disk.close();
  image.model.flushed();
}

/** A new image, which is there as a whole or not at all. */
async function make(
  sim: Simulation,
  what: string,
  name: string,
  create: (options: CreateOptions<"portable">) => Promise<PortableVirtualDisk>,
  { parent, contents, refusals, mustRefuse }: {
    readonly parent?: Image;
    readonly contents?: DiskModel;
    readonly refusals?: readonly ErrorSymbol[];
    readonly mustRefuse?: boolean;
  },
): Promise<void> {
  const { options, reason } = watch(sim);
  sim.interruptible(async () => {
    if (!sim.machine.folder.names().includes(name)) return;
    await sim.look(name, (disk) => add(sim, name, disk, parent, contents));
  });
  const outcome = await sim.attempt(what, () => create(options), {
    reason,
    ...refusals !== undefined && { refusals },
    ...mustRefuse !== undefined && { mustRefuse },
  });
  if (outcome.kind === "done") {
    const { value: disk } = outcome;
    const image = add(sim, name, disk, parent, contents);
    if (sim.session === undefined && sim.random.chance(50)) {
      sim.session = newSession(disk, image, true);
    } else if ((await sim.attempt(`close ${name}`, () => disk.close())).kind === "failed") {
      await sim.settle();
    }
  }
  if (outcome.kind === "failed") await sim.settle();
}

const child: Operation = {
  name: "child",
  weight: 5,
  isPossible: hasRoom,
  run: async (sim) => {
    const { random, world } = sim;
    const parent = random.pick([...world.images.values()]);
    const { type } = parent;
    const isBlocked = world.chainOf(parent.name).some(({ name }) => isLocked(sim, name));
    const name = world.newName(type);
    const blockSize = random.chance(50) ? undefined : random.pick(BLOCK_SIZES[type]);
    await make(
      sim,
      `create ${name}, a child of ${parent.name}`,
      name,
      (options) =>
        createVirtualDisk(sim.path(name), { ...options, parent: sim.path(parent.name), blockSize }),
      isBlocked ? { parent, refusals: ["ERROR_SHARING_VIOLATION"], mustRefuse: true } : { parent },
    );
  },
};

const copy: Operation = {
  name: "copy",
  weight: 2,
  isPossible: (sim) => hasRoom(sim) && readable(sim).length > 0,
  run: async (sim) => {
    const { random, world } = sim;
    const source = random.pick(readable(sim));
    const type = source.sectorSize === SECTOR ? random.pick(["vhd", "vhdx"] as const) : "vhdx";
    const subtype = random.pick(["fixed", "dynamic"] as const);
    const name = world.newName(type);
    await make(
      sim,
      `create ${name}, a ${subtype} copy of ${source.name}`,
      name,
      (options) =>
        createVirtualDisk(sim.path(name), { ...options, source: sim.path(source.name), subtype }),
      { contents: source.model },
    );
  },
};

/** The whole chain into a new file, through the open disk. */
const mergeInto: Operation = {
  name: "merge into",
  weight: 2,
  isPossible: (sim) => isOpen(sim) && hasRoom(sim) && sessionOf(sim).image.parent !== undefined,
  run: async (sim) => {
    const { disk, image } = sessionOf(sim);
    const name = sim.world.newName(image.type);
    const { options, reason, settled } = watch(sim, disk);
    const learn = () =>
      sim.look(name, (made) => {
        const { items } = add(sim, name, made, undefined, image.model);
        if (image.type === "vhdx") items.adopt(image.items.values(), true);
      });
    sim.interruptible(async () => {
      if (sim.machine.folder.names().includes(name)) await learn();
    });
    const outcome = await sim.attempt(
      `merge into ${name}`,
      () => disk.merge({ ...options, into: sim.path(name) }),
      { reason },
    );
    await settled();
    if (outcome.kind === "done") {
      sim.machine.arm(undefined);
      await learn();
    }
    if (outcome.kind === "failed") await sim.settle();
  },
};

const overwrite: Operation = {
  name: "overwrite",
  weight: 1,
  isPossible: (sim) => sim.world.leaves().some(({ name }) => !isInUse(sim, name)),
  run: async (sim) => {
    const { random, world } = sim;
    const old = random.pick(world.leaves().filter(({ name }) => !isInUse(sim, name)));
    const options = newOptions(sim, old.type);
    // Their sizes tell the old from the new.
    const size = Number(options.size) + (options.size === old.model.size ? 8 * SECTOR : 0);
    const learn = (disk: PortableVirtualDisk) => {
      if (disk.size !== old.model.size) add(sim, old.name, disk, undefined);
    };
    sim.interruptible(() => sim.look(old.name, learn));
    const { options: watched, reason } = watch(sim);
    const outcome = await sim.attempt(`overwrite ${old.name}`, async () => {
      using disk = await createVirtualDisk(sim.path(old.name), {
        ...watched,
        ...options,
        size,
        overwrite: true,
      });
      learn(disk);
    }, { reason });
    if (outcome.kind === "failed" || outcome.kind === "cancelled") {
      await sim.settle();
      // Where the folder could not be made durable, the error says that the former image may be back after a power
      // failure. From here on the name is that of the image that is there now.
      flushFolder(sim.machine.folder.path);
    }
  },
};

const remove: Operation = {
  name: "remove",
  weight: 2,
  isPossible: (sim) =>
    sim.world.images.size > 2 && sim.world.leaves().some(({ name }) => !isInUse(sim, name)),
  run: async (sim) => {
    const { name } = sim.random.pick(
      sim.world.leaves().filter(({ name }) => !isInUse(sim, name)),
    );
    sim.machine.arm(undefined);
    const outcome = await sim.attempt(`remove ${name}`, () => Deno.removeSync(sim.path(name)));
    if (outcome.kind === "done") sim.world.remove(name);
  },
};

/** The parent gets another name; its child is told. */
const move: Operation = {
  name: "move and rebase",
  weight: 2,
  isPossible: (sim) => movable(sim).length > 0,
  run: async (sim) => {
    const { world, machine } = sim;
    const parent = sim.random.pick(movable(sim));
    const [child] = world.childrenOf(parent.name);
    const name = world.newName(parent.type);
    machine.arm(undefined);
    machine.isFull = false;
    sim.log(`rename ${parent.name} to ${name}`);
    Deno.renameSync(sim.path(parent.name), sim.path(name));
    flushFolder(machine.folder.path);
    world.images.delete(parent.name);
    world.images.set(name, { ...parent, name });
    child!.parent = name;
    await sim.attempt(
      `open ${child!.name} without its parent`,
      async () => (await openVirtualDisk(sim.path(child!.name))).close(),
      { refusals: ["ERROR_VHD_PARENT_VHD_NOT_FOUND"], mustRefuse: true },
    );
    const rebase = () => rebaseVirtualDisk(sim.path(child!.name), { parent: sim.path(name) });
    sim.interruptible(async () => {
      await rebase();
    });
    machine.arm({
      what: sim.random.pick(["kill", "write error"] as const),
      after: sim.random.below(20),
    });
    const outcome = await sim.attempt(`rebase ${child!.name} onto ${name}`, rebase);
    if (outcome.kind === "failed") await sim.settle();
  },
};

/** Parents of one child, which nobody uses. */
function movable(sim: Simulation): Image[] {
  return [...sim.world.images.values()].filter(({ name }) => {
    const children = sim.world.childrenOf(name);
    return children.length === 1 && !isInUse(sim, children[0]!.name) && !isInUse(sim, name);
  });
}

function flushFolder(path: string): void {
  using folder = Deno.openSync(path);
  folder.syncSync();
}

const check: Operation = {
  name: "check",
  weight: 3,
  isPossible: always,
  run: async (sim) => {
    const image = sim.random.pick([...sim.world.images.values()]);
    const repair = sim.random.chance(40);
    const isBlocked = repair ? isInUse(sim, image.name) : isLocked(sim, image.name);
    const refusals: ErrorSymbol[] = ["ERROR_SHARING_VIOLATION"];
    const outcome = await sim.attempt(
      `check ${repair ? "and repair " : ""}${image.name}`,
      () => checkVirtualDisk(sim.path(image.name), { repair }),
      isBlocked ? { refusals, mustRefuse: true } : {},
    );
    if (outcome.kind === "failed") return await sim.settle();
    if (outcome.kind !== "done") return;
    const { sound, findings } = outcome.value;
    if (repair && !sound) sim.fail(`it is not sound when repaired: ${JSON.stringify(findings)}`);
  },
};

/** All that is told of files nobody has open: it changes nothing, and finds nothing that is wrong. */
const survey: Operation = {
  name: "survey",
  weight: 1,
  isPossible: always,
  run: async (sim) => {
    const { machine, random, world } = sim;
    const before = machine.folder.steps.length;
    const chains = await sim.attempt(
      "find chains",
      () => findVirtualDiskChains([machine.folder.path]),
    );
    if (chains.kind === "done") {
      const paths = chains.value.map(({ path }) => path).sort();
      const known = [...world.images.keys()].map((name) => sim.path(name)).sort();
      if (paths.join() !== known.join()) sim.fail(`these were found: ${paths.join(", ")}`);
    }
    const free = readable(sim);
    if (free.length > 0 && !machine.folder.isKilled) {
      const { name } = random.pick(free);
      // What a crash has left of a footer is a fault to other programs, until it is mended.
      await sim.attempt(`diagnose ${name}`, () => diagnose(sim.path(name)));
    }
    if (machine.folder.steps.length !== before) sim.fail("looking at it has changed something");
  },
};

/** Steps of this kind. */
export const FILES: readonly Operation[] = [
  child,
  copy,
  mergeInto,
  overwrite,
  remove,
  move,
  check,
  survey,
];
