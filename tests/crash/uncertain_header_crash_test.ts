/**
 * A write of a VHDX finds no room, but is done in part, on a volume that writes everything to a new place: of a header
 * that may count now nothing is known any more. Whoever goes on with the disk is told of it, and loses nothing that was
 * flushed.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { VirtualDiskError } from "@virtdisk/virtdisk";
import { openVirtualDisk } from "@virtdisk/virtdisk/portable";
import { Random } from "../fuzz/random.ts";
import { explored, Sample } from "../sampling.ts";
import { pattern } from "../support.ts";
import { folderStates } from "./folder_states.ts";
import { SimulatedFolder } from "./simulated_folder.ts";
import { KINDS, readIn } from "./simulated_images.ts";

const SEED = 44;
const NAME = "0.vhdx";
const LENGTH = 4096;
/** More than a header has, and less than all that is written of it. */
const WRITTEN = 60;

const { create, virtualSize, blockSize } = KINDS.find(({ type }) => type === "vhdx")!;

for (const atomicSectors of [false, true]) {
  const how = atomicSectors ? ", with whole sectors" : "";
  Deno.test(`a header that was written in part is not relied on (VHDX${how})`, async () => {
    const spec = { virtualSize, blockSize, logicalSectorSize: 4096 } as const;
    const files = new Map([[NAME, create({ subtype: "dynamic", ...spec })]]);
    const sample = new Sample();
    let states = 0;
    let number = 0;
    for (let isOver = false; !isOver; number++) {
      using folder = new SimulatedFolder(files, { number, code: "ENOSPC", written: WRITTEN });
      const flushed = await live(folder, atomicSectors);
      isOver = folder.stepsAfterFault === undefined;
      const random = new Random(SEED);
      const all = [...folderStates(folder, random, 4, folder.steps.length)]
        .filter(() => sample.takes());
      for (const state of [{ files: folder.files(), description: () => "no crash" }, ...all]) {
        states++;
        using left = new SimulatedFolder(state.files);
        const where = () => `${state.description()}, after change ${number} has failed`;
        try {
          const bytes = await readIn(left, NAME);
          for (const [offset, value] of flushed) {
            assertEquals(bytes.subarray(offset, offset + LENGTH), value, `flushed at ${offset}`);
          }
        } catch (error) {
          throw new Error(`${where()}: ${error}`, { cause: error });
        }
      }
    }
    explored(`a header that was written in part${how}`, { faults: number, "crash states": states });
    assertGreater(number, 10);
  });
}

/** Writes and flushes, again if there is no room, and ends without closing; gives what is flushed, by its offset. */
async function live(
  folder: SimulatedFolder,
  atomicSectors: boolean,
): Promise<Map<number, Uint8Array>> {
  const written = new Map<number, Uint8Array>();
  let flushed = new Map<number, Uint8Array>();
  const attempt = (run: () => void): boolean => {
    try {
      run();
      return true;
    } catch (error) {
      assert(error instanceof VirtualDiskError, String(error));
      assertEquals(error.symbol, "ERROR_DISK_FULL");
      return false;
    }
  };
  const options = { atomicSectors, readOnly: false, backend: "portable" } as const;
  const disk = await openVirtualDisk(folder.file(NAME), options);
  for (let round = 0; round < 4; round++) {
    // A block that is there, and one that comes to be.
    for (const offset of [0, 2 ** 20 + round * LENGTH]) {
      const bytes = pattern(LENGTH, 1 + round);
      const write = () => disk.writeSync(bytes, offset);
      flushed.delete(offset);
      if (attempt(write) || attempt(write)) written.set(offset, bytes);
      else written.delete(offset);
    }
    const flush = () => disk.flushSync();
    if (attempt(flush) || attempt(flush)) flushed = new Map(written);
    if (round % 2 === 1) attempt(() => disk.trimSync(2 ** 20, 2 ** 20)) && flushed.clear();
  }
  return flushed;
}
