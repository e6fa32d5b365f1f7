import { assertEquals } from "@std/assert";
import { type Progress, ProgressReporter } from "../../src/disk/progress.ts";

function reported(steps: (reporter: ProgressReporter) => void): Progress[] {
  const seen: Progress[] = [];
  steps(new ProgressReporter((progress) => seen.push(progress)));
  return seen;
}

Deno.test("each step is reported with its units and fraction", () => {
  const seen = reported((reporter) => {
    reporter.step(0, 8);
    reporter.step(2, 8);
    reporter.step(4, 8);
    reporter.end();
  });
  assertEquals(seen, [
    { completed: 0, total: 8, fraction: 0 },
    { completed: 2, total: 8, fraction: 0.25 },
    { completed: 4, total: 8, fraction: 0.5 },
    { completed: 8, total: 8, fraction: 1 },
  ]);
});

Deno.test("bytes are told where the operation counts them", () => {
  const seen = reported((reporter) => {
    reporter.step(1, 8, 0);
    reporter.step(1, 8, 100);
    reporter.step(1, 8, 100);
    reporter.end(200);
  });
  assertEquals(seen.map(({ completed, bytes }) => [completed, bytes]), [[1, 0], [1, 100], [
    8,
    200,
  ]]);
});

Deno.test("the fraction stays where the units go back or their total grows", () => {
  const seen = reported((reporter) => {
    reporter.step(6, 8);
    reporter.step(3, 8);
    reporter.step(7, 100);
  });
  assertEquals(seen.map(({ fraction }) => fraction), [0.75, 0.75, 0.75]);
  assertEquals(seen.map(({ completed }) => completed), [6, 3, 7]);
});

Deno.test("the fraction is 1 at the end alone", () => {
  const seen = reported((reporter) => {
    reporter.step(8, 8);
    reporter.step(9, 8);
    reporter.end();
  });
  assertEquals(seen.map(({ fraction }) => fraction < 1), [true, false]);
  assertEquals(seen.map(({ completed }) => completed), [8, 8]);
});

Deno.test("a step that changes nothing is not reported again", () => {
  const seen = reported((reporter) => {
    for (let i = 0; i < 3; i++) reporter.step(1, 2);
  });
  assertEquals(seen.length, 1);
});

Deno.test("an operation without units reports its end", () => {
  const seen = reported((reporter) => {
    reporter.step(0, 0);
    reporter.end();
  });
  assertEquals(seen, [{ completed: 1, total: 1, fraction: 1 }]);
});

Deno.test("without a listener nothing happens", () => {
  const reporter = new ProgressReporter(undefined);
  reporter.step(1, 2);
  reporter.end();
});
