/**
 * Benchmarks: `deno task bench`. Every group is measured against a baseline in the same run; ratios can
 * be compared between machines, times cannot.
 *
 * @module
 */
import { machine } from "../machine.ts";
import { benchConversions } from "./convert_bench.ts";
import { benchFreeSpace } from "./free_space_bench.ts";
import { benchMaintenance } from "./maintain_bench.ts";
import { benchNative } from "./native_bench.ts";
import { benchPortable } from "./portable_bench.ts";
import { benchServing } from "./serve_bench.ts";
import { benchStart } from "./start_bench.ts";
import { benchOverwrites, benchWrites } from "./write_bench.ts";

console.log(`${new Date().toISOString().slice(0, 10)}, Deno ${Deno.version.deno}`);
console.log(machine());
console.log("ratio: of a round's times to the first line's, the median of all rounds");
benchNative();
benchPortable();
await benchWrites();
await benchOverwrites();
await benchConversions();
await benchMaintenance();
await benchFreeSpace();
await benchServing();
await benchStart();
