/**
 * Fuzzes one target, in a process of its own, which may be ended if it hangs: prints one line of JSON when it is
 * done, and writes what it is about to try into a file.
 *
 * ```sh
 * deno run -A worker.ts fuzz TARGET COUNT SEED FILE
 * deno run -A worker.ts run TARGET FILE     # one mutant, as it is written down
 * ```
 *
 * @module
 */
import { Coverage } from "./coverage.ts";
import { fuzz, runMutant } from "./fuzzer.ts";
import type { Mutant } from "./mutants.ts";
import { targetNamed } from "./targets.ts";

const [what, name, ...rest] = Deno.args;
const target = targetNamed(name!);

if (what === "fuzz") {
  const [count, seed, path] = rest;
  let isOver = false;
  // Whoever has waited long enough gets what there is.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => isOver = true);
  using coverage = await Coverage.start((url) => /\/src\/(?:portable|serve|bytes)\//.test(url));
  const counts = await fuzz({
    target,
    count: Number(count),
    seed: Number(seed),
    coverage,
    isOver: () => isOver,
    onBatch(batch) {
      Deno.writeTextFileSync(path!, JSON.stringify(batch));
    },
  });
  console.log(JSON.stringify(counts));
  Deno.exit();
} else {
  const mutant: Mutant = JSON.parse(Deno.readTextFileSync(rest[0]!));
  const bases = new Map((await target.bases()).map((base) => [base.name, base]));
  console.log(JSON.stringify(await runMutant(target, bases, mutant)));
}
