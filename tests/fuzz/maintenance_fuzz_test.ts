/**
 * Damaged images that are maintained: whatever their bytes, each operation comes to an end or is refused
 * with an ImageError, asks no more of the file than it justifies, and loses nothing: what could be read
 * before reads the same after.
 */
import { assert } from "@std/assert";
import { explored, sampledRounds } from "../sampling.ts";
import { GuardedFile } from "./guarded_file.ts";
import { maintainDamaged, OPERATION_NAMES } from "./maintenance.ts";
import { Random } from "./random.ts";
import { mutatedVhd } from "./vhd_mutations.ts";
import { mutatedVhdx } from "./vhdx_mutations.ts";

const FORMATS = {
  vhd: { rounds: 600, mutated: mutatedVhd },
  vhdx: { rounds: 80, mutated: mutatedVhdx },
} as const;

for (const format of ["vhd", "vhdx"] as const) {
  for (const operation of OPERATION_NAMES) {
    Deno.test(`damaged ${format.toUpperCase()} images lose nothing: ${operation}`, async () => {
      const rounds = sampledRounds(FORMATS[format].rounds);
      let done = 0;
      for (let seed = 0; seed < rounds; seed++) {
        try {
          const file = GuardedFile.of(FORMATS[format].mutated(new Random(seed)));
          if (await maintainDamaged(format, file, operation, new Random(seed))) done++;
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
      }
      explored(`${operation}, ${done} done`, { "damaged files": rounds });
      // A refusal of all would prove nothing.
      assert(done > rounds / 10, `${done} of ${rounds} done`);
    });
  }
}
