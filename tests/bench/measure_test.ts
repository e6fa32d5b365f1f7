/** What becomes of times that were taken: ratios round by round, and goals. */
import { assertEquals, assertThrows } from "@std/assert";
import { goalText, isMet, timeText } from "../../docs/build/benchmarks.ts";
import { evaluated } from "./measure.ts";
import { joined } from "./publish.ts";

const CONTENDERS = [{ name: "flat file" }, { name: "virtdisk" }];

Deno.test("evaluated() takes ratios round by round, so that a busy round counts as any other", () => {
  // The second round was ten times slower for both.
  const { rows } = evaluated(
    { title: "reads", operation: "read", contenders: CONTENDERS },
    [[2, 20, 4], [3, 30, 4]],
  );
  assertEquals(rows, [
    { name: "flat file", median: 4, best: 2, ratio: [1, 1, 1] },
    { name: "virtdisk", median: 4, best: 3, ratio: [1.5, 1, 1.5] },
  ]);
});

Deno.test("evaluated() says what was reached of each kind of goal, and whether that is enough", async (t) => {
  const [of, to] = ["virtdisk", "flat file"];
  const rows = [
    [{ of, to, atMost: 1.6 }, 1.5, true, "virtdisk: at most 1.6 × flat file"],
    [{ of, to, atMost: 1.4 }, 1.5, false, "virtdisk: at most 1.4 × flat file"],
    [{ of, to, atLeast: 1.5 }, 1.5, true, "virtdisk: at least 1.5 × flat file"],
    [{ of, to, atLeast: 1.6 }, 1.5, false, "virtdisk: at least 1.6 × flat file"],
    [{ of, to, atMostOver: 12 }, 10, true, "virtdisk: at most 12.0 µs longer than flat file"],
    [{ of, to, atMostOver: 9 }, 10, false, "virtdisk: at most 9.00 µs longer than flat file"],
  ] as const;
  for (const [goal, reached, met, text] of rows) {
    await t.step(text, () => {
      const group = { title: "reads", operation: "read", contenders: CONTENDERS, goals: [goal] };
      const { goals } = evaluated(group, [[20, 20, 200], [30, 30, 210]]);
      assertEquals(goals, [{ ...goal, reached }]);
      assertEquals(isMet(goals![0]!), met);
      assertEquals(goalText(goal), text);
    });
  }
});

Deno.test("evaluated() leaves out a goal whose program is not there", () => {
  const goals = [{ of: "qemu-img", to: "virtdisk", atLeast: 1.2 }];
  const group = { title: "reads", operation: "read", contenders: CONTENDERS, goals };
  assertEquals("goals" in evaluated(group, [[1], [1]]), false);
});

Deno.test("timeText() has three digits and the unit that fits", () => {
  assertEquals([1.234, 45.67, 999, 12_345, 2_500_000, -3.21].map(timeText), [
    "1.23 µs",
    "45.7 µs",
    "999 µs",
    "12.3 ms",
    "2.50 s",
    "-3.21 µs",
  ]);
});

Deno.test("joined() keeps the sections of the day that were not measured anew, in their order", () => {
  const run = (...titles: string[]) => ({
    date: "2026-01-02",
    machine: "this one",
    versions: {},
    sections: titles.map((title) => ({ title, load: [0, titles.length], groups: [] } as const)),
  });
  const titles = ["Opening", "Reading", "Writing"];
  assertEquals(joined(undefined, run("Reading"), titles), run("Reading"));
  assertEquals(joined(run("Opening", "Writing"), run("Reading"), titles).sections, [
    { title: "Opening", load: [0, 2], groups: [] },
    { title: "Reading", load: [0, 1], groups: [] },
    { title: "Writing", load: [0, 2], groups: [] },
  ]);
  assertEquals(joined(run("Reading", "Writing"), run("Writing"), titles).sections[1]!.load, [0, 1]);
  const other = { ...run("Opening"), machine: "another one" };
  assertThrows(() => joined(other, run("Reading"), titles), Error, "another machine");
});
