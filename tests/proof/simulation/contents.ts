/** Steps that read and write an open disk. */
import { Buffer } from "node:buffer";
import {
  compareVirtualDisks,
  type ErrorSymbol,
  openVirtualDisk,
  virtualDiskChanges,
} from "@virtdisk/virtdisk/portable";
import { itemText } from "../../crash/observation.ts";
import { pattern } from "../../support.ts";
import {
  always,
  blocksIn,
  bytesFor,
  isOpen,
  isWritable,
  type Operation,
  type Place,
  placeIn,
  readable,
  sessionOf,
} from "./operation.ts";
import { newSession, type Outcome, type Simulation } from "./simulation.ts";
import { itemsOf } from "./world.ts";

const ITEMS = [1, 2, 3].map((n) => `aaaaaaaa-0000-0000-0000-00000000000${n}`);
const SECTOR = 512;
/** What is written in one turn of the event loop. */
const PIECE = 2 ** 20;

/** Where all pieces of a range but the last one end, from its beginning: at multiples of a piece in the disk. */
function endsOfPieces(offset: number, length: number): number[] {
  const ends = [];
  for (let end = PIECE - offset % PIECE; end < length; end += PIECE) ends.push(end);
  return ends;
}

const open: Operation = {
  name: "open",
  weight: 14,
  isPossible: (sim) => !isOpen(sim),
  run: async (sim) => {
    const { random, world } = sim;
    const isLeaf = random.chance(85);
    const image = random.pick(isLeaf ? world.leaves() : [...world.images.values()]);
    const readOnly = random.chance(20);
    const atomicSectors = !readOnly && random.chance(30);
    const options = { readOnly, atomicSectors, backend: "portable" } as const;
    const outcome = await sim.attempt(
      `open ${image.name}${readOnly ? " to read" : ""}`,
      () => openVirtualDisk(sim.path(image.name), options),
    );
    if (outcome.kind === "failed") return await sim.settle();
    if (outcome.kind !== "done") return;
    const { value: disk } = outcome;
    sim.session = newSession(disk, image, !readOnly);
    if (!readOnly) sim.assertNoTemporaryFiles(image);
  },
};

const close: Operation = {
  name: "close",
  weight: 5,
  isPossible: isOpen,
  run: (sim) => sim.close(),
};

/** A second opener is refused while somebody writes, and so is who would write while somebody reads. */
const openAgain: Operation = {
  name: "open again",
  weight: 1,
  isPossible: isOpen,
  run: async (sim) => {
    const { image, isWritable } = sessionOf(sim);
    const readOnly = sim.random.chance(50);
    const isRefused = isWritable || !readOnly;
    const outcome = await sim.attempt(
      `open ${image.name} once more${readOnly ? " to read" : ""}`,
      async () => {
        using _ = await openVirtualDisk(sim.path(image.name), { readOnly, backend: "portable" });
      },
      isRefused ? { refusals: ["ERROR_SHARING_VIOLATION"], mustRefuse: true } : {},
    );
    if (outcome.kind === "failed") await sim.settle();
  },
};

const read: Operation = {
  name: "read",
  weight: 12,
  isPossible: isOpen,
  run: async (sim) => {
    const { disk, image } = sessionOf(sim);
    const { offset, length } = placeIn(sim.random, image);
    const way = sim.random.pick(["readSync", "read", "readable"] as const);
    const outcome = await sim.attempt(`${way} ${length} at ${offset}`, async () => {
      const bytes = new Uint8Array(length);
      if (way === "readSync") disk.readSync(bytes, offset);
      else if (way === "read") await disk.read(bytes, offset);
      else {
        let done = 0;
        for await (const chunk of disk.readable({ offset, length })) {
          bytes.set(chunk, done);
          done += chunk.length;
        }
        if (done !== length) sim.fail(`the stream gave ${done} bytes`);
      }
      return bytes;
    });
    if (outcome.kind !== "done") return;
    sim.counts["bytes compared"] += length;
    const difference = image.model.difference(outcome.value, offset);
    if (difference !== undefined) sim.fail(`what was read is wrong: ${difference}`);
  },
};

const extents: Operation = {
  name: "extents",
  weight: 2,
  isPossible: isOpen,
  run: async (sim) => {
    const { disk, image: { model } } = sessionOf(sim);
    const outcome = await sim.attempt("extents", () => [...disk.extents()]);
    if (outcome.kind !== "done") return;
    let end = 0;
    for (const { kind, offset, length } of outcome.value) {
      if (offset !== end) sim.fail(`an extent begins at ${offset}, not at ${end}`);
      end += length;
      const bytes = model.bytes.subarray(offset, end);
      if (kind === "zero" && bytes.some((byte) => byte !== 0)) {
        sim.fail(`the ${length} bytes at ${offset} are said to be zeros`);
      }
    }
    if (end !== model.size) sim.fail(`the extents end at ${end}`);
  },
};

const write: Operation = {
  name: "write",
  weight: 26,
  isPossible: isWritable,
  run: async (sim) => {
    const { disk, image } = sessionOf(sim);
    const { offset, length } = placeIn(sim.random, image);
    const bytes = bytesFor(sim.random, length);
    const way = sim.random.pick(["writeSync", "writeSync", "write", "writable"] as const);
    const half = Math.floor(length / 2);
    // Between two of its pieces a write may come to nothing. A sector is in one of them, but for that in which two chunks
    // of a stream meet.
    const ends = way === "writeSync" ? [] : way === "write" ? endsOfPieces(offset, length) : [
      ...endsOfPieces(offset, half),
      half,
      ...endsOfPieces(offset + half, length - half).map((end) => half + end),
    ];
    for (const end of ends) image.model.mayWrite(bytes.subarray(0, end), offset);
    await change(sim, `${way} ${length} at ${offset}`, { offset, length }, bytes, async () => {
      if (way === "writeSync") disk.writeSync(bytes, offset);
      else if (way === "write") await disk.write(bytes, offset);
      else {
        const writer = disk.writable({ offset }).getWriter();
        const written = [bytes.subarray(0, half), bytes.subarray(half)].map((each) =>
          writer.write(each)
        );
        await Promise.all([...written, writer.close()]);
      }
    });
  },
};

const zero: Operation = {
  name: "zero",
  weight: 4,
  isPossible: isWritable,
  run: async (sim) => {
    const { disk, image } = sessionOf(sim);
    const place = blocksIn(sim.random, image);
    const { offset, length } = place;
    const allocate = sim.random.chance(30);
    const zeros = new Uint8Array(length);
    // These come in pieces, too.
    for (const end of endsOfPieces(offset, length)) {
      image.model.mayWrite(zeros.subarray(0, end), offset);
    }
    await change(
      sim,
      `zero ${length} at ${offset}`,
      place,
      zeros,
      () => disk.zeroSync(offset, length, { allocate }),
    );
  },
};

const trim: Operation = {
  name: "trim",
  weight: 4,
  isPossible: isWritable,
  run: async (sim) => {
    const { disk, image } = sessionOf(sim);
    const place = blocksIn(sim.random, image);
    const { offset, length } = place;
    await change(
      sim,
      `trim ${length} at ${offset}`,
      place,
      undefined,
      () => disk.trimSync(offset, length),
    );
  },
};

/**
 * Changes a range of the disk; what it reads as then is looked at.
 *
 * @param bytes What is written; absent if each sector stays what it is, or becomes zeros.
 */
async function change(
  sim: Simulation,
  what: string,
  { offset, length }: Place,
  bytes: Uint8Array | undefined,
  run: () => void | Promise<void>,
): Promise<void> {
  const session = sessionOf(sim);
  const { image: { name, model } } = session;
  const hasChildren = sim.world.childrenOf(name).length > 0;
  if (!hasChildren) model.mayWrite(bytes ?? new Uint8Array(length), offset);
  const refusals: ErrorSymbol[] = ["ERROR_VHD_INVALID_STATE"];
  const outcome = await sim.attempt(
    what,
    run,
    hasChildren ? { refusals, mustRefuse: !session.isBroken } : {},
  );
  if (hasChildren || outcome.kind === "killed") return;
  session.hasWritten = true;
  if (outcome.kind === "done" && bytes !== undefined) model.bytes.set(bytes, offset);
  else await lookAt(sim, { offset, length });
  if (outcome.kind !== "failed") return;
  await afterFailure(sim, outcome);
  if (sim.session !== session || session.isBroken || !sim.random.chance(60)) return;
  // There is room again: whoever tries again has success.
  sim.machine.isFull = false;
  sim.machine.arm(undefined);
  const again = await sim.attempt(`again: ${what}`, run);
  if (again.kind !== "done") return sim.fail(`${what} does not succeed with room`);
  if (bytes !== undefined) model.write(bytes, offset);
  else await lookAt(sim, { offset, length });
}

/** What may have changed is one of what it may be. */
async function lookAt(sim: Simulation, { offset, length }: Place): Promise<void> {
  const { disk, image: { model } } = sessionOf(sim);
  const first = offset - offset % SECTOR;
  const bytes = new Uint8Array(Math.min(model.size, offset + length + SECTOR) - first);
  const outcome = await sim.machine.quietly(() =>
    sim.attempt("look at it", () => disk.readSync(bytes, first))
  );
  if (outcome.kind !== "done") return;
  const breach = model.breach(bytes, first);
  if (breach !== undefined) sim.fail(`after it was tried: ${breach}`);
  model.adopt(bytes, first);
}

/** Where only room was lacking, the disk goes on; else it is of no use any more. */
async function afterFailure(
  sim: Simulation,
  outcome: Outcome<unknown> & { readonly kind: "failed" },
): Promise<void> {
  const session = sessionOf(sim);
  session.isBroken ||= outcome.symbol !== "ERROR_DISK_FULL" || sim.machine.copiesOnWrite;
  if (session.isBroken && sim.random.chance(70)) await sim.settle();
}

const flush: Operation = {
  name: "flush",
  weight: 8,
  isPossible: isWritable,
  run: async (sim) => {
    const session = sessionOf(sim);
    const { disk, image: { model, items } } = session;
    const outcome = await sim.attempt(
      "flush",
      () => sim.random.chance(50) ? disk.flushSync() : disk.flush(),
    );
    if (outcome.kind === "failed") return await afterFailure(sim, outcome);
    if (outcome.kind !== "done") return;
    model.flushed();
    items.flushed();
  },
};

const metadata: Operation = {
  name: "metadata",
  weight: 4,
  isPossible: (sim) => isWritable(sim) && sessionOf(sim).image.type === "vhdx",
  run: async (sim) => {
    const { random, world } = sim;
    const session = sessionOf(sim);
    const { disk, image: { name, items } } = session;
    const id = random.pick(ITEMS);
    const value = random.chance(70)
      ? pattern(random.below(random.pick([30, 5000, 70_000])), random.below(200))
      : undefined;
    const text = value && itemText(value);
    const hasChildren = world.childrenOf(name).length > 0;
    if (!hasChildren) items.mayBecome(id, text);
    const outcome = await sim.attempt(
      value === undefined ? `delete item ${id}` : `set item ${id} to ${value.length} bytes`,
      () => {
        if (value === undefined) disk.metadata.delete(id);
        else disk.metadata.set(id, value);
      },
      { refusals: [hasChildren ? "ERROR_VHD_INVALID_STATE" : "ERROR_VHD_METADATA_FULL"] },
    );
    if (outcome.kind === "done") {
      if (hasChildren) {
        // Nothing was there to be deleted.
        if (value !== undefined) sim.fail("the metadata of a parent was changed");
        return;
      }
      items.set(id, text);
      session.hasWritten = true;
    }
    if (outcome.kind === "failed") {
      session.isBroken = true;
      await sim.settle();
    }
  },
};

const information: Operation = {
  name: "information",
  weight: 2,
  isPossible: isOpen,
  run: async (sim) => {
    const { disk, image: { model: { size }, sectorSize, items, name } } = sessionOf(sim);
    const outcome = await sim.attempt("information", () => {
      const { images } = disk.details();
      const found = itemsOf(disk);
      return { all: disk.information(), count: images.length, found };
    });
    if (outcome.kind !== "done") return;
    const { all, count, found } = outcome.value;
    if (all.size?.virtualSize !== size || disk.size !== size) {
      sim.fail(`the size is ${all.size?.virtualSize}, not ${size}`);
    }
    if (all.size?.sectorSize !== sectorSize) sim.fail(`sectors of ${all.size?.sectorSize}`);
    if (count !== sim.world.chainOf(name).length) sim.fail(`the chain has ${count} images`);
    const difference = items.difference(found, false);
    if (difference !== undefined) sim.fail(difference);
  },
};

/** What a disk must refuse, whatever state it is in. */
const misuse: Operation = {
  name: "misuse",
  weight: 1,
  isPossible: isOpen,
  run: async (sim) => {
    const { disk, isWritable, image: { model } } = sessionOf(sim);
    const offset = model.size - sim.random.below(3);
    const refusals: ErrorSymbol[] = isWritable
      ? ["ERROR_SECTOR_NOT_FOUND"]
      : ["ERROR_ACCESS_DENIED"];
    await sim.attempt(
      `write beyond the end`,
      () => disk.writeSync(new Uint8Array(4), offset),
      { refusals, mustRefuse: true },
    );
    const outcome = await sim.attempt(
      "read beyond the end",
      () => disk.readSync(new Uint8Array(4), offset),
    );
    if (outcome.kind === "done" && outcome.value !== model.size - offset) {
      sim.fail(`read ${outcome.value} bytes at the end`);
    }
  },
};

/** An image that nobody writes to is compared with another, or with its parent. */
const compare: Operation = {
  name: "compare",
  weight: 2,
  isPossible: always,
  run: async (sim) => {
    const { random } = sim;
    const free = readable(sim);
    if (free.length === 0) return;
    const first = random.pick(free);
    const second = first.parent ?? random.pick(free).name;
    // What only the larger one has is told by the changes of a child, zeros too.
    const isOfChild = first.parent !== undefined && random.chance(50) &&
      sim.world.image(second).model.size === first.model.size;
    await compareImages(sim, first.name, second, isOfChild);
  },
};

async function compareImages(
  sim: Simulation,
  first: string,
  second: string,
  isOfChild: boolean,
): Promise<void> {
  const outcome = await sim.attempt(
    isOfChild ? `changes of ${first}` : `compare ${first} and ${second}`,
    () =>
      Array.fromAsync(
        isOfChild
          ? virtualDiskChanges(sim.path(first))
          : compareVirtualDisks(sim.path(first), sim.path(second)),
      ),
  );
  if (outcome.kind !== "done") return;
  const [one, other] = [first, second].map((name) => sim.world.image(name).model);
  const size = Math.max(one!.size, other!.size);
  const [a, b] = [one!, other!].map(({ bytes }) => {
    const padded = new Uint8Array(size);
    padded.set(bytes);
    return padded;
  });
  const told = new Uint8Array(Math.ceil(size / SECTOR));
  for (const { offset, length } of outcome.value) {
    told.fill(1, offset / SECTOR, Math.ceil((offset + length) / SECTOR));
  }
  for (let sector = 0; sector < told.length; sector++) {
    const [from, to] = [sector * SECTOR, (sector + 1) * SECTOR];
    const isDifferent = Buffer.compare(a!.subarray(from, to), b!.subarray(from, to)) !== 0;
    if (isDifferent === (told[sector] === 1)) continue;
    sim.fail(`sector ${sector} is ${isDifferent ? "different" : "the same"}, but told otherwise`);
  }
}

/** Steps of this kind. */
export const CONTENTS: readonly Operation[] = [
  open,
  close,
  openAgain,
  read,
  extents,
  write,
  zero,
  trim,
  flush,
  metadata,
  information,
  misuse,
  compare,
];
