/** Work that is spread over workers comes to what it comes to without them. */
import { assertEquals, assertRejects } from "@std/assert";
import { HISTORY_KINDS } from "./histories/kinds.ts";
import { explorePart, type HistoryPart, type HistoryResult, partsOf } from "./histories/parts.ts";
import { spread } from "./spread.ts";

const WORKER = new URL("./histories/worker.ts", import.meta.url);

Deno.test("spread(): each piece is done once, and what came of them stands in their order", async () => {
  const [fixed] = HISTORY_KINDS;
  const parts = partsOf(fixed!, { count: 8, seed: 3 });
  const done: HistoryResult[] = [];
  const spreadOut = await spread<HistoryPart, HistoryResult>(
    WORKER,
    parts,
    (part) => done.push(part),
  );
  assertEquals(spreadOut, await Array.fromAsync(parts, explorePart));
  assertEquals(new Set(done), new Set(spreadOut));
  assertEquals(await spread(WORKER, []), []);
});

Deno.test("spread(): what a worker throws ends all of it", async () => {
  const unknown = { kind: "floppy", histories: [["write"]], seed: 1 };
  await assertRejects(() => spread(WORKER, [unknown, unknown]), Error, "floppy");
  const missing = new URL("./histories/missing.ts", import.meta.url);
  await assertRejects(() => spread(missing, [1]), Error, "missing.ts");
});
