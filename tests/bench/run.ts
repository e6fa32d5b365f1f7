/**
 * Benchmarks: `deno task bench [--publish] [--rounds COUNT] [--size MIB] [SECTION...]`, the size that of the disks
 * which are converted. Every group is measured against a baseline in the same
 * run; ratios can be compared between machines, times cannot. With `--publish` docs/benchmarks gets what was
 * measured, as data and as a picture, and `deno task readme` writes it into the pages; sections that were measured
 * on the same day, and not now, stay.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { machine } from "../machine.ts";
import { benchConversions } from "./convert_bench.ts";
import { benchFreeSpace } from "./free_space_bench.ts";
import { DISK_SIZE } from "./images.ts";
import { benchMaintenance } from "./maintain_bench.ts";
import { ROUNDS, section, setRounds } from "./measure.ts";
import { benchNative } from "./native_bench.ts";
import { benchPortable } from "./portable_bench.ts";
import { publish } from "./publish.ts";
import { benchServing } from "./serve_bench.ts";
import { benchSparse } from "./sparse_bench.ts";
import { benchStart } from "./start_bench.ts";
import { benchOverwrites, benchWrites } from "./write_bench.ts";

const MIB = 2 ** 20;

/** By the word that asks for them alone. */
const SECTIONS: Readonly<Record<string, { title: string; run(): void | Promise<void> }>> = {
  native: { title: "The native backend", run: benchNative },
  read: { title: "Opening and reading", run: benchPortable },
  write: { title: "Writing", run: benchWrites },
  overwrite: { title: "Overwriting without torn sectors", run: benchOverwrites },
  convert: {
    title: "Conversions",
    run: () => benchConversions(Number(values.size) * MIB),
  },
  maintain: { title: "Maintenance", run: benchMaintenance },
  sparse: { title: "Sparse disks, by size and by what is allocated", run: benchSparse },
  "free-space": { title: "Free space", run: benchFreeSpace },
  serve: { title: "Serving", run: benchServing },
  start: { title: "Starting from a shell", run: benchStart },
};

const { values, positionals } = parseArgs({
  options: {
    publish: { type: "boolean", default: false },
    rounds: { type: "string", default: String(ROUNDS) },
    size: { type: "string", default: String(DISK_SIZE / MIB) },
  },
  allowPositionals: true,
});
for (const word of positionals) {
  if (word in SECTIONS) continue;
  throw new TypeError(`there is no "${word}", only ${Object.keys(SECTIONS).join(", ")}`);
}

console.log(`${new Date().toISOString().slice(0, 10)}, Deno ${Deno.version.deno}`);
console.log(machine());
console.log("ratio: of a round's times to the first line's, the median of all rounds");
if (!/^[1-9]\d?$/.test(values.rounds)) {
  throw new TypeError(`--rounds must be a number from 1 to 99, not "${values.rounds}"`);
}
if (!/^[1-9]\d{0,4}$/.test(values.size)) {
  throw new TypeError(`--size must be a number of MiB from 1 to 99999, not "${values.size}"`);
}
setRounds(Number(values.rounds));
const titles = Object.values(SECTIONS).map(({ title }) => title);
for (const [word, { title, run }] of Object.entries(SECTIONS)) {
  if (positionals.length > 0 && !positionals.includes(word)) continue;
  const measured = await section(title, run);
  // Each as soon as it is there: all of them take a while.
  if (values.publish && measured !== undefined) publish(measured, titles);
}
