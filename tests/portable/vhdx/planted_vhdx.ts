/** The VHDX images that faults are planted in, and the tables of faults. */
import { batPage, dirtyVhdx, putEntries } from "./log_builder.ts";
import { ITEMS, MIB, VhdxBuilder } from "./vhdx_builder.ts";
import { assertFound, type PlantedFault } from "../operations/planted.ts";

const CORRUPT = "ERROR_FILE_CORRUPT";
/** The entry of the first sector bitmap block. */
export const BITMAP_INDEX = 4096;

/** Blocks 0 and 2 in the file. */
export function dynamic(): VhdxBuilder {
  const file = new VhdxBuilder();
  file.append(2 * MIB);
  return file.bat(0, 6, 4).bat(2, 6, 5);
}

/** Block 0 partially present, with its bitmap; the disk ends half a MiB into its last block. */
export function child(): VhdxBuilder {
  const file = new VhdxBuilder({ subtype: "differencing" });
  file.append(2 * MIB);
  file.bytes[5 * MIB] = 1;
  return file.u64(ITEMS.size, 7 * MIB + MIB / 2).bat(0, 7, 4).bat(BITMAP_INDEX, 6, 5);
}

/** A log with one entry that puts block 0 at 4 MiB. */
export function dirty(): VhdxBuilder {
  const file = dirtyVhdx();
  file.append(MIB);
  putEntries(file, 0, { sequence: 1n, changes: [batPage(6, 4)], flushed: 5 * MIB, last: 5 * MIB });
  return file;
}

/** A fault, and the image that it is planted in; by default `dynamic()`. */
export type Row = PlantedFault & {
  readonly damage: (file: VhdxBuilder) => void;
  readonly of?: () => VhdxBuilder;
};

/** Makes rows about one structure. */
export const structureRow =
  (structure: string, symbol: string = CORRUPT, of: () => VhdxBuilder = dynamic) =>
  (name: string, offset: number, damage: (file: VhdxBuilder) => void): Row => ({
    name,
    structure,
    offset,
    symbol,
    damage,
    of,
  });

/** A test for each fault. */
export function testFaults(rows: readonly Row[]): void {
  for (const { damage, of = dynamic, ...fault } of rows) {
    Deno.test(`check() of a VHDX finds ${fault.name}`, async () => {
      const file = of();
      damage(file);
      await assertFound(fault, file.bytes, "vhdx");
    });
  }
}
