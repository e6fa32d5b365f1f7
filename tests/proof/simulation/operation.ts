/** What a history is made of, and what operations choose at random. */
import type { Random } from "../../fuzz/random.ts";
import type { Session, Simulation } from "./simulation.ts";
import type { Image } from "./world.ts";

/** A kind of step. */
export interface Operation {
  readonly name: string;
  /** How often it is chosen, beside others. */
  readonly weight: number;
  isPossible(sim: Simulation): boolean;
  run(sim: Simulation): Promise<void>;
}

/** For operations that can be done at any time. */
export const always = () => true;

/** For operations on an open disk. */
export const isOpen = ({ session }: Simulation) => session !== undefined;

/** For operations that write to it. */
export const isWritable = ({ session }: Simulation) => session?.isWritable === true;

/** The open disk. */
export function sessionOf({ session }: Simulation): Session {
  return session!;
}

/** Whether an image has to be left alone, because the open disk reads it or writes it. */
export function isInUse({ session, world }: Simulation, name: string): boolean {
  return session !== undefined &&
    world.chainOf(session.image.name).some((image) => image.name === name);
}

/** Whether others are kept from reading an image. */
export function isLocked({ session }: Simulation, name: string): boolean {
  return session?.isWritable === true && session.image.name === name;
}

/** Images that others may read. */
export function readable(sim: Simulation): Image[] {
  return [...sim.world.images.values()].filter(({ name }) =>
    sim.world.chainOf(name).every((each) => !isLocked(sim, each.name))
  );
}

/** Where something is done to a disk. */
export interface Place {
  readonly offset: number;
  readonly length: number;
}

const SECTOR = 512;
const PAGE = 4096;

/** A place in a disk: at its borders and those of its blocks more often than elsewhere. */
export function placeIn(random: Random, { model: { size }, blockSize }: Image): Place {
  const block = blockSize || size;
  const at = random.pick([
    () => random.below(size),
    () => random.below(size / SECTOR) * SECTOR,
    () => Math.floor(random.below(size) / PAGE) * PAGE,
    () => Math.floor(random.below(size) / block) * block,
    () => Math.floor(random.below(size) / block) * block - random.pick([1, SECTOR, PAGE, 5000]),
    () => size - 1 - random.below(2 * PAGE),
  ])();
  const offset = Math.max(0, Math.min(at, size - 1));
  const length = random.pick([
    () => 1 + random.below(SECTOR),
    () => SECTOR * (1 + random.below(16)),
    () => 1 + random.below(8 * PAGE),
    () => PAGE * (1 + random.below(32)),
    () => random.chance(50) ? block : block + random.below(block),
  ])();
  return { offset, length: Math.min(length, size - offset) };
}

/** Whole blocks, or what is around them. */
export function blocksIn(random: Random, image: Image): Place {
  const { model: { size }, blockSize } = image;
  if (blockSize === 0 || random.chance(40)) return placeIn(random, image);
  const offset = Math.floor(random.below(size) / blockSize) * blockSize;
  return { offset, length: Math.min(size - offset, blockSize * (1 + random.below(2))) };
}

/** Bytes that no two writes have in common; now and then nothing but zeros. */
export function bytesFor(random: Random, length: number): Uint8Array<ArrayBuffer> {
  if (random.chance(8)) return new Uint8Array(length);
  const words = new Uint32Array(Math.ceil(length / 4));
  const [start, step] = [random.uint32(), random.uint32() | 1];
  for (let i = 0; i < words.length; i++) words[i] = start + Math.imul(i, step);
  return new Uint8Array(words.buffer, 0, length);
}
