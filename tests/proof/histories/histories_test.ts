/** Short histories: a sample of them, and that what breaks a promise is found. */
import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import type { WritableSource } from "../../../src/portable/file/byte_source.ts";
import { resizeVhd } from "../../../src/portable/vhd/resize.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { explored, sampledRounds } from "../../sampling.ts";
import { HistoryExplorer } from "./explorer.ts";
import { chooseHistories, histories, type History, LETTERS } from "./histories.ts";
import { HISTORY_KINDS } from "./kinds.ts";
import { explorePart, partsOf, sumOf } from "./parts.ts";

const SEED = 11;

for (const kind of HISTORY_KINDS) {
  Deno.test(`short histories of an image (${kind.name}) keep what was flushed, whenever they crash`, async () => {
    const count = sampledRounds(60);
    const parts = partsOf(kind, { count, seed: SEED });
    const lived = await Array.fromAsync(parts, explorePart);
    const { failures, histories, states, tried } = sumOf(kind, lived);
    assertEquals(failures, []);
    assertEquals(histories, count);
    assertGreater(states, count);
    assertGreater(states, tried);
    assertGreater(tried, states / 10);
    explored(`histories, ${kind.name}`, { "crash states": states });
  });
}

Deno.test("histories(): every sequence of the operations, once", () => {
  assertEquals([...histories(0)], [[]]);
  assertEquals([...histories(1)].flat(), [...LETTERS]);
  const all = [...histories(3)].map((history) => history.join(","));
  assertEquals([all.length, new Set(all).size], [14 ** 3, 14 ** 3]);
});

Deno.test("chooseHistories(): the same seed gives the same, no two alike; at most all", () => {
  const chosen = chooseHistories(300, 4).map((history) => history.join(","));
  assertEquals(new Set(chosen).size, 300);
  assertEquals(chooseHistories(300, 4).map((history) => history.join(",")), chosen);
  assertEquals(chooseHistories(1e6, 4).length, 14 ** 3);
});

Deno.test("HistoryExplorer: an operation that an image does not have is refused, and changes nothing", async () => {
  const [fixed] = HISTORY_KINDS;
  const explorer = new HistoryExplorer(fixed!, SEED);
  const history: History = ["compact", "shrink", "merge", "rebase"];
  await explorer.explore(history);
  assertEquals(explorer.counts, { histories: 1, states: 0, tried: 0, refused: 4 });
});

const VHD = HISTORY_KINDS.find(({ name }) => name === "VHD, dynamic")!;
const CHILD = HISTORY_KINDS.find(({ name }) => name === "VHD, differencing")!;

const AT_FAULT: readonly [title: string, kind: typeof VHD, history: History][] = [
  [
    "growing in place, without a flush between what must come one after the other",
    { ...VHD, resize: (file: WritableSource, size: number) => resizeVhd(unflushed(file), size) },
    ["write", "grow"],
  ],
  [
    "compacting that gives a block away",
    {
      ...VHD,
      compact: (file: WritableSource) => {
        const image = VHD.format.openWritable(file);
        image.trim(VHD.blockSize, VHD.blockSize);
        image.finish();
        return Promise.resolve();
      },
    },
    ["write", "compact"],
  ],
  [
    "merging that copies nothing",
    { ...CHILD, merge: () => Promise.resolve() },
    ["write", "merge", "write"],
  ],
  [
    "an operation that ends as a damaged file does",
    {
      ...VHD,
      compact: (file: WritableSource) => {
        VHD.format.open(new SparseFile());
        file.flush();
        return Promise.resolve();
      },
    },
    ["compact"],
  ],
];

for (const [title, kind, history] of AT_FAULT) {
  Deno.test(`HistoryExplorer finds ${title}`, async () => {
    const explorer = new HistoryExplorer(kind, SEED);
    const error = await assertRejects(() => explorer.explore(history), Error);
    assert(error.message.startsWith(kind.name), error.message);
  });
}

/** A file whose flushes do nothing. */
function unflushed(file: WritableSource): WritableSource {
  return {
    path: file.path,
    get size() {
      return file.size;
    },
    readAt: (buffer, offset) => file.readAt(buffer, offset),
    writeAt: (bytes, offset) => file.writeAt(bytes, offset),
    truncate: (size) => file.truncate(size),
    flush: () => {},
  };
}
