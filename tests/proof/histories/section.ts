/** The section about short histories: what a crash leaves of every short sequence of operations. */
import type { RunFacts, RunWish, Section } from "../section.ts";
import { spread } from "../spread.ts";
import { LENGTH, LETTERS } from "./histories.ts";
import { HISTORY_KINDS } from "./kinds.ts";
import { type HistoryPart, type HistoryResult, partsOf, sumOf } from "./parts.ts";

export const shortHistories: Section<readonly HistoryResult[]> = {
  name: "histories",
  title: "All short histories",
  unit: "sequences of operations on each kind of image",
  counts: { short: 50, long: LETTERS.length ** LENGTH },
  programs: [],
  needs: [],
  run,
  render,
  faults: (histories) => histories.flatMap(({ failures }) => failures),
};

async function run({ count, seed, tell }: RunWish): Promise<HistoryResult[]> {
  // The last kinds take longest: if they came last, one processor would have nothing to do at the end.
  const parts = HISTORY_KINDS.flatMap((kind) => partsOf(kind, { count, seed })).reverse();
  let done = 0;
  const worker = new URL("worker.ts", import.meta.url);
  const lived = await spread<HistoryPart, HistoryResult>(worker, parts, ({ kind, ...counts }) => {
    done++;
    tell(
      `${done} of ${parts.length}: ${kind}, ${counts.histories} sequences, ${counts.states} states`,
    );
  });
  return HISTORY_KINDS.map((kind) => sumOf(kind, lived.filter((part) => part.kind === kind.name)));
}

function render(histories: readonly HistoryResult[], { seed, count }: RunFacts): string[] {
  const all = LETTERS.length ** LENGTH;
  const part = count >= all ? "all of them" : "a sample of them; the long form tries all";
  const states = histories.reduce((sum, each) => sum + each.states, 0);
  const tried = histories.reduce((sum, each) => sum + each.tried, 0);
  return [
    `There are ${all} sequences of ${LENGTH} out of ${LETTERS.length} operations: ${
      LETTERS.join(", ")
    }. Each begins with`,
    `shorter ones, which are thereby tried too. They are done to small new images in memory (seed ${seed}): ${part}.`,
    "A crash comes after every change of a file: with the newest write whole, torn or lost, and with subsets of what",
    "was not flushed, all of them where that is four changes or fewer. Each file that is left is opened and read",
    "whole, and written to: what was flushed must be there, what was not may be, and nothing else. Where a file was",
    "being resized, compacted or merged, that is done again for one in four, and must come to the same end. A file",
    "is closed before that; a new child appears whole.",
    "",
    "| images | sequences | crash states | tried | operations refused | promises broken |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...histories.map(({ kind, histories, states, tried, refused, failures }) =>
      `| ${kind} | ${histories} | ${states} | ${tried} | ${refused} | ${failures.length} |`
    ),
    "",
    `${states} crash states. What one leaves is often, byte for byte, what another has left, with the same to be`,
    `expected of it: that is tried once, so that ${tried} were **tried**. An operation is refused where the format does`,
    "not have it: a fixed disk has nothing to",
    "compact, a VHD does not shrink, and what has no parent is not merged. Nothing may have changed then.",
  ];
}
