/**
 * Fuzzes one target, in a process of its own, which may be ended if it hangs: writes what it is about to try into one
 * file, and what came of it into another, with which it goes on if it is there.
 *
 * ```sh
 * deno run -A worker.ts fuzz TARGET COUNT COUNTED SEED BATCH STATE
 * deno run -A worker.ts run TARGET FILE     # one mutant, as it is written down
 * ```
 *
 * @module
 */
import { Coverage } from "./coverage.ts";
import { exists } from "../../support.ts";
import { fuzz, type FuzzState, runMutant } from "./fuzzer.ts";
import type { Mutant } from "./mutants.ts";
import { targetNamed } from "./targets.ts";

const [what, name, ...rest] = Deno.args;
const target = targetNamed(name!);

if (what === "fuzz") {
  const [count, counted, seed, batchPath, statePath] = rest as [string, ...string[]] & string[];
  let isOver = false;
  // Whoever has waited long enough gets what there is.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => isOver = true);
  using coverage = await Coverage.start((url) => /\/src\/(?:portable|serve|bytes)\//.test(url));
  const before: FuzzState | undefined = exists(statePath!)
    ? JSON.parse(Deno.readTextFileSync(statePath!))
    : undefined;
  const state = await fuzz({
    target,
    count: Number(count),
    counted: Number(counted),
    seed: Number(seed),
    coverage,
    before,
    isOver: () => isOver,
    onBatch(batch) {
      Deno.writeTextFileSync(batchPath!, JSON.stringify(batch));
    },
  });
  Deno.writeTextFileSync(statePath!, JSON.stringify(state));
  Deno.exit();
} else {
  const mutant: Mutant = JSON.parse(Deno.readTextFileSync(rest[0]!));
  const bases = new Map((await target.bases()).map((base) => [base.name, base]));
  console.log(JSON.stringify(await runMutant(target, bases, mutant)));
}
