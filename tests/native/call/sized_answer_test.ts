import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../../src/errors/error.ts";
import { sizedAnswer } from "../../../src/native/call/sized_answer.ts";
import { pureTest } from "../../pure.ts";

/** What a call is told in turn: its code and its size word. */
type Turn = [code: number, size: number];

function ask(turns: readonly Turn[], first = 0): { capacities: number[]; run: () => unknown } {
  const capacities: number[] = [];
  const run = () =>
    sizedAnswer({
      operation: "GetVirtualDiskMetadata",
      path: "a.vhdx",
      unit: "items",
      first,
      largest: 100,
      call: (capacity) => {
        const [code, size] = turns[Math.min(capacities.push(capacity), turns.length) - 1]!;
        return { code, size, answer: `answer of ${capacity}` };
      },
    });
  return { capacities, run };
}

const ANSWERS: [name: string, turns: Turn[], first: number, capacities: number[], size: number][] =
  [
    ["fits at once", [[0, 3]], 8, [8], 3],
    ["is empty", [[0, 0]], 0, [0], 0],
    ["is too large, by 122", [[122, 5], [0, 5]], 0, [0, 5], 5],
    ["is too large, by 234", [[234, 5], [0, 4]], 0, [0, 5], 4],
    ["is too large, by a success", [[0, 5], [0, 5]], 0, [0, 5], 5],
    ["grows meanwhile", [[122, 5], [122, 9], [0, 9]], 0, [0, 5, 9], 9],
    ["takes all that is allowed", [[122, 100], [0, 100]], 0, [0, 100], 100],
  ];

pureTest("sizedAnswer() gives an answer with its size", async (t) => {
  for (const [name, turns, first, expected, size] of ANSWERS) {
    await t.step(name, () => {
      const { capacities, run } = ask(turns, first);
      assertEquals(run(), { answer: `answer of ${expected.at(-1)}`, size });
      assertEquals(capacities, expected);
    });
  }
});

const FAILURES: [name: string, turns: Turn[], first: number, code: number, message: RegExp][] = [
  ["fails", [[5, 99]], 0, 5, /ERROR_ACCESS_DENIED/],
  ["wants no more than it has", [[122, 8]], 8, 122, /8 items are too few, and 8 were asked for/],
  ["wants more than is allowed", [[234, 101]], 8, 234, /101 were asked for/],
  ["gave more than is allowed", [[0, 101]], 8, 234, /101 were asked for/],
  ["grows for ever", [[122, 1], [122, 2], [122, 3], [122, 4], [122, 5]], 0, 234, /outgrew 5/],
];

pureTest("sizedAnswer() ends with the code of the call", async (t) => {
  for (const [name, turns, first, code, message] of FAILURES) {
    await t.step(`${name}: ${code}`, () => {
      const { run } = ask(turns, first);
      const error = assertThrows(run, VirtualDiskError);
      assertEquals([error.code, error.operation, error.path], [
        code,
        "GetVirtualDiskMetadata",
        "a.vhdx",
      ]);
      assertMatch(error.message, message);
    });
  }
});
