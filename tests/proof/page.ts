/** PROOF.md: what all sections tell of their runs. */
import { formatted, readRecord } from "./records.ts";
import type { RunRecord, Section } from "./section.ts";

/** The page that the results in a folder give: Markdown. A section that has not been run yet is not in it. */
export function pageOf(sections: readonly Section[], folder: string): string {
  const told = sections.flatMap((section) => {
    const record = readRecord(folder, section.name);
    return record === undefined ? [] : [{ section, record }];
  });
  const lines = [
    ...HEADING,
    "| section | run on | form | took | to be mended |",
    "| --- | --- | --- | ---: | ---: |",
    ...told.map(({ section, record }) => {
      const { date, form, seconds, results } = record;
      const faults = section.faults(results).length;
      return `| ${section.title} | ${date} | ${form} | ${duration(seconds)} | ${faults} |`;
    }),
    "",
    ...told.flatMap(({ section, record }) => sectionText(section, record)),
    ...PEERS,
  ];
  return formatted(lines.join("\n") + "\n", "md");
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

/** What repeats a run. */
export function commandOf(section: Section, { form, count, seed }: RunRecord): string {
  return [
    `deno task proof ${section.name}`,
    ...(form === "long" ? ["--long"] : []),
    ...(seed === SEED ? [] : [`--seed ${seed}`]),
    ...(count === section.counts[form] ? [] : [`--count ${count}`]),
  ].join(" ");
}

/** The seed of a run for which no other is asked. */
export const SEED = 1;

const HEADING = [
  "# Proof",
  "",
  "`deno task proof` wrote this page. Each section is of a run of its own, which it names, and every figure in it is",
  "of that run: none is copied, and none is left out. The last section alone says what others publish.",
  "`deno task proof NAMES` runs the named sections again, with `--long` for hours, and leaves the others as they are.",
  "",
];

function sectionText(section: Section, record: RunRecord): string[] {
  const { date, machine, programs, seconds, results } = record;
  const versions = Object.entries(programs).map(([name, version]) => `${name} ${version}`);
  return [
    `## ${section.title}`,
    "",
    `> Run on ${date} in ${duration(seconds)}, on ${machine}, with ${versions.join(", ")}. \`${
      commandOf(section, record)
    }\` does the same again.`,
    "",
    ...section.render(results, record),
    "",
    ...faultLines(section.faults(results)),
  ];
}

/** So many are told. */
const MOST_FAULTS = 20;

function faultLines(faults: readonly string[]): string[] {
  return faults.slice(0, MOST_FAULTS).map((fault) =>
    `- **To be mended**: ${fault.replaceAll(/\s*\n\s*/g, "; ")}\n`
  );
}

function duration(seconds: number): string {
  if (seconds < 600) return `${Math.round(seconds)} s`;
  return seconds < 36_000
    ? `${Math.round(seconds / 60)} minutes`
    : `${Math.round(seconds / 3600)} hours`;
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
