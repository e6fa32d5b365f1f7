/** What PROOF.md says of a run. */
import type { FlipCounts, FlipResult, Incident, Outcome } from "./bit_flips.ts";
import { type HistoryResult, LENGTH, LETTERS } from "./histories.ts";
import { READER_NAMES, type ReaderName } from "./readers.ts";

/** A run, and what came of it. */
export interface Proof {
  /** `2026-11-30`, of UTC. */
  readonly date: string;
  readonly machine: string;
  /** By program: its version, where it is there. */
  readonly versions: ReadonlyMap<string, string>;
  readonly isLong: boolean;
  /** What repeats the run. */
  readonly command: string;
  readonly seed: number;
  readonly seconds: number;
  readonly flips: readonly FlipResult[];
  readonly histories: readonly HistoryResult[];
}

/** What is written: Markdown. */
export function proofText(proof: Proof): string {
  return [...heading(proof), ...bitFlips(proof), ...shortHistories(proof), ...PEERS, ""].join("\n");
}

/**
 * What of a text does not change from run to run: its headings, the first line of each table, and the first
 * column.
 */
export function shapeOf(text: string): string[] {
  return text.split("\n").flatMap((line, i, lines) => {
    if (line.startsWith("#")) return [line];
    if (!line.startsWith("|")) return [];
    const cells = line.split("|").map((cell) => cell.trim());
    const isFirst = !lines[i - 1]?.startsWith("|");
    return [isFirst ? cells.join("|") : cells[1]!];
  }).filter((line) => !/^[-: ]*$/.test(line));
}

function heading({ date, machine, versions, isLong, command, seconds }: Proof): string[] {
  const programs = [...versions].map(([name, version]) => `${name} ${version}`).join(", ");
  const other = isLong ? "" : " `deno task proof --long` tries more, for hours.";
  return [
    "# Proof",
    "",
    "`deno task proof` wrote this page, and every figure in it is of that run: none is copied, and none is left",
    "out. The last section alone says what others publish.",
    "",
    "| the run | |",
    "| --- | --- |",
    `| date | ${date} |`,
    `| machine | ${machine} |`,
    `| programs | ${programs} |`,
    `| took | ${Math.round(seconds)} s |`,
    "",
    `\`${command}\` does the same again.${other}`,
    "",
  ];
}

function bitFlips({ flips, seed }: Proof): string[] {
  const places = flips.map((each) => each.places).reduce((a, b) => a + b, 0);
  return [
    "## Bit flips",
    "",
    `One bit of an image is flipped, every program reads the whole disk, the bit is put back: ${places} times`,
    `(seed ${seed}). The images were made by this project. Of ten places, two are in the data of the disk, one in`,
    "room of the structures that holds zeros, and seven where the structures say something: chosen evenly, nearly",
    "all places would be in data and in room that nobody uses.",
    "",
    "- **crash**: the process ends by a signal or in the middle; **hang**: no answer in 20 s; **untyped**: an error",
    "  that is no `VirtualDiskError` (of libvhdi: no `OSError`).",
    "- **refused**: an error that says what is wrong. **right**: the bytes of the sound disk; of an ISO image, whose",
    "  disk is its file, the bytes of the file.",
    "- **silent**: other bytes, or a disk of another size, and no error.",
    "",
    "### Flips in structures",
    "",
    "| image | program | flips | crash | hang | untyped | refused | right | silent |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...flips.flatMap((each) =>
      rows(each, "structure", ["crash", "hang", "untyped", "refused", "right", "silent"])
    ),
    "",
    ...notes(flips),
    "### Flips in data",
    "",
    "Neither VHD nor VHDX has a checksum of the data itself: such a flip is read as it is, and only the bit may",
    "be another. **other**: anything else.",
    "",
    "| image | program | flips | the bit alone | other |",
    "| --- | --- | ---: | ---: | ---: |",
    ...flips.flatMap((each) => rows(each, "data", ["theBit"], true)),
    "",
    "### Beside each other",
    "",
    "Flips in structures of the images that both read while they are sound.",
    "",
    "| virtdisk and | images | flips | silent: virtdisk | silent: the other | crash or hang: virtdisk | crash or hang: the other |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...READER_NAMES.slice(1).map((name) => compared(flips, name)),
    "",
    ...silences(flips),
    ...flips.flatMap(({ incidents }) => incidents)
      .filter(({ reader }) => reader === "virtdisk").map(describe),
  ];
}

function shortHistories({ histories, seed, isLong }: Proof): string[] {
  const all = LETTERS.length ** LENGTH;
  const part = isLong ? "all of them" : "a sample of them; the long form tries all";
  const states = histories.reduce((sum, each) => sum + each.states, 0);
  return [
    "## All short histories",
    "",
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
    "| images | sequences | crash states | operations refused | promises broken |",
    "| --- | ---: | ---: | ---: | ---: |",
    ...histories.map(({ kind, histories, states, refused, failures }) =>
      `| ${kind} | ${histories} | ${states} | ${refused} | ${failures.length} |`
    ),
    "",
    `${states} crash states. An operation is refused where the format does not have it: a fixed disk has nothing to`,
    "compact, a VHD does not shrink, and what has no parent is not merged. Nothing may have changed then.",
    "",
    ...histories.flatMap(({ failures }) => failures).slice(0, MOST_FAILURES).map((failure) =>
      `- **To be mended**: ${failure.replaceAll(/\s*\n\s*/g, "; ")}\n`
    ),
  ];
}

/** So many are told. */
const MOST_FAILURES = 20;

function rows(
  { subject, counts }: FlipResult,
  kind: keyof FlipCounts,
  shown: readonly Outcome[],
  hasRest = false,
): string[] {
  return READER_NAMES.map((name) => {
    const row = counts.get(name)?.[kind];
    const total = row === undefined ? 0 : sum(row);
    const cells = shown.map((outcome) => row === undefined ? "-" : String(row[outcome]));
    if (hasRest) {
      const rest = row && total - shown.reduce((all, outcome) => all + row[outcome], 0);
      cells.push(String(rest ?? "-"));
    }
    return `| ${subject} | ${name} | ${row === undefined ? "-" : total} | ${cells.join(" | ")} |`;
  });
}

const sum = (counts: Record<Outcome, number>) => Object.values(counts).reduce((a, b) => a + b, 0);

/** Why a row has no figures. */
function notes(flips: readonly FlipResult[]): string[] {
  const lines = flips.flatMap(({ subject, unable }) =>
    [...unable].map(([name, reason]) => `- ${subject}, ${name}: ${reason}.`)
  );
  return lines.length === 0 ? [] : ["Rows without figures:", "", ...lines, ""];
}

function compared(flips: readonly FlipResult[], name: ReaderName): string {
  const both = flips.flatMap(({ counts }) => {
    const [ours, theirs] = [counts.get("virtdisk"), counts.get(name)];
    return ours && theirs ? [{ ours: ours.structure, theirs: theirs.structure }] : [];
  });
  const total = (of: (each: typeof both[number]) => number) =>
    both.reduce((all, each) => all + of(each), 0);
  const cells = both.length === 0 ? Array(6).fill("-") : [
    both.length,
    total(({ ours }) => sum(ours)),
    total(({ ours }) => ours.silent),
    total(({ theirs }) => theirs.silent),
    total(({ ours }) => ours.crash + ours.hang),
    total(({ theirs }) => theirs.crash + theirs.hang),
  ];
  return `| ${name} | ${cells.join(" | ")} |`;
}

function silences(flips: readonly FlipResult[]): string[] {
  const fields = new Map<string, number>();
  for (const { silentFields } of flips) {
    for (const [field, count] of silentFields) fields.set(field, (fields.get(field) ?? 0) + count);
  }
  const all = [...fields.values()].reduce((a, b) => a + b, 0);
  if (all === 0) return ["virtdisk read none of them as other bytes without a word.", ""];
  const list = [...fields].sort((a, b) => b[1] - a[1]).map(([field, count]) => `${field} ${count}`);
  const named = flips.reduce((sum, each) => sum + each.named, 0);
  return [
    `The ${all} flips that virtdisk reads as other bytes without a word are in: ${
      list.join(", ")
    }.`,
    `\`virtdisk check\` names ${named} of them. What a file says once, and nothing else in it contradicts, nobody`,
    "can see.",
    "",
  ];
}

/** With all that brings it back. */
function describe({ subject, place: { offset, bit }, reading }: Incident): string {
  const how = "how" in reading ? `: ${reading.how}` : "";
  return `- **To be mended**: ${subject}, bit ${bit} of byte ${offset}: ${reading.kind}${how}\n`;
}

/** Looked up in their repositories, of which stored copies were read in November 2026. */
const PEERS = [
  "## What others publish",
  "",
  "As far as stored copies of their repositories show it, looked at in November 2026. What could not be found there",
  "is left out.",
  "",
  "| project | what it has |",
  "| --- | --- |",
  "| OpenVMM (microsoft/openvmm) | for VHDX: a module of crash tests (`vhdx/src/tests/crash_tests`), and one fuzz target, `fuzz_vhdx_open` |",
  "| instar (shakenfist/instar) | 42 files of fuzz targets for all of its formats and commands, 6 of them named after VHD or VHDX |",
  "| libvhdi (libyal/libvhdi) | two fuzz targets, `file_fuzzer` and `read_fuzzer`; fuzzed on OSS-Fuzz, in the project `libyal` |",
];
