/**
 * Damaged VHD images opened for writing: they open or are refused with an ImageError, and a refusal
 * leaves the file as it was; what opens is written as an undamaged image is, and no other sector of the
 * disk changes.
 */
import { assert, assertEquals } from "@std/assert";
import type { DiskImage } from "../../src/portable/image/image.ts";
import { openVhd, openWritableVhd } from "../../src/portable/vhd/open.ts";
import { RecordingSource } from "../crash/recording_source.ts";
import { SparseFile } from "../crash/sparse_file.ts";
import { MemorySource } from "../portable/file/memory_source.ts";
import { readImage } from "../portable/image/read_image.ts";
import { randomWork } from "../portable/vhd/random_work.ts";
import { newVhd } from "../portable/vhd/vhd_builder.ts";
import { assertBytesEqual, pattern } from "../support.ts";
import { sampledRounds } from "../sampling.ts";
import { countGood, orRefused } from "./damaged_image.ts";
import { Random } from "./random.ts";
import { mutatedVhd } from "./vhd_mutations.ts";

const ROUNDS = sampledRounds(20_000);
const OPERATIONS = 12;
/** Larger disks are opened, but not read whole. */
const MAX_DISK_SIZE = 2 ** 20;

const parent = parentImage();

function parentImage(): DiskImage {
  const virtualSize = 10 * 4096;
  const bytes = newVhd({ subtype: "fixed", virtualSize });
  bytes.set(pattern(virtualSize, 3));
  return openVhd(new MemorySource(bytes));
}

function contents(image: DiskImage): Uint8Array<ArrayBuffer> {
  const parents = image.subtype === "differencing" ? [parent] : [];
  return readImage([image, ...parents], 0, image.virtualSize);
}

/** Whether the damaged image could be written. */
function fuzz(seed: number): boolean {
  const random = new Random(seed);
  const base = SparseFile.of(mutatedVhd(random));
  const source = new RecordingSource<never>(base);
  const image = orRefused(() => openWritableVhd(source));
  if (image === undefined) assertEquals(source.changes, [], "a refusal after a change");
  if (image === undefined || image.virtualSize > MAX_DISK_SIZE) return false;
  const disk = contents(openVhd(base));
  assertBytesEqual(contents(image), disk, "opened");
  randomWork(image, disk, random, {
    operations: OPERATIONS,
    reopen: () => openWritableVhd(source),
    parents: image.subtype === "differencing" ? [parent] : [],
  });
  assertBytesEqual(contents(openVhd(source)), disk, "written");
  return true;
}

Deno.test("damaged VHD images are written as others are, or refused unchanged", () => {
  const written = countGood(ROUNDS, fuzz);
  // Neither all nor none: else the changes are too weak or too strong to find anything.
  assert(written > ROUNDS / 20 && written < ROUNDS * 9 / 10, `${written} of ${ROUNDS} written`);
});
