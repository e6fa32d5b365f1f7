/** The section about differences: what several programs make of the same images. */
import { TempDir } from "../../support.ts";
import type { RunFacts, RunWish, Section } from "../section.ts";
import {
  compare,
  type ImageDifferences,
  knownImages,
  type Standing,
  STANDINGS,
} from "./differences.ts";
import { PROGRAM_NAMES, PROGRAM_NEEDS, startPrograms } from "./programs.ts";

export const differential: Section<readonly ImageDifferences[]> = {
  name: "differential",
  title: "Other programs on the same images",
  unit: "damages to each image",
  counts: { short: 20, long: 1000 },
  programs: ["qemu-img", "libvhdi", "7-Zip", "Sleuth Kit"],
  needs: PROGRAM_NEEDS,
  run,
  render,
  faults: (results) => results.flatMap(({ faults }) => faults),
};

async function run({ count, seed, tell }: RunWish): Promise<ImageDifferences[]> {
  using dir = new TempDir();
  await using stack = new AsyncDisposableStack();
  const programs = startPrograms(stack, dir.file("read.raw"));
  const results: ImageDifferences[] = [];
  for (const image of await knownImages(dir)) {
    tell(image.name);
    results.push(await compare(image, programs, { count, seed }));
  }
  return results;
}

function render(results: readonly ImageDifferences[], { seed, count }: RunFacts): string[] {
  return [
    "### Sound images",
    "",
    "What each reads of images whose disks are known, written here and by QEMU. Images that Windows wrote are read in",
    "`tests/interop`.",
    "",
    `| image | ${PROGRAM_NAMES.join(" | ")} |`,
    `| --- |${" --- |".repeat(PROGRAM_NAMES.length)}`,
    ...results.map(({ image, sound }) =>
      `| ${image} | ${PROGRAM_NAMES.map((name) => sound[name]).join(" | ")} |`
    ),
    "",
    "- A child without its parent is no disk: QEMU reads a differencing VHD as if there were none, and opens no",
    "  differencing VHDX; Sleuth Kit takes no parent. (VHD 1.0, *Differencing Hard Disk Image*; MS-VHDX 2.6.2.1.)",
    "- A log that is not empty has to be replayed before the file is read (MS-VHDX 2.3.3): libvhdi, and Sleuth Kit",
    "  with it, read what was there before; 7-Zip refuses the file, as it may.",
    "",
    "### Damaged images",
    "",
    `One of the fields that no checksum covers is changed, or the footer of a fixed VHD, ${count} times for each image`,
    `(seed ${seed}). Those are asked that read the sound image right. **alike**: the bytes on which all agree who read it,`,
    "or nobody reads it. **refused alone**: at least two others read the same, and virtdisk refuses. **other bytes**:",
    "they read the same, and virtdisk something else. **read alone**: all others refuse. **others differ**: among",
    "themselves, or only one of them reads it.",
    "",
    "| image | alike | refused alone | other bytes | read alone | others differ |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...results.map(({ image, damaged }) => row(image, Object.values(damaged))),
    "",
    "By what was damaged, and who is right by the specification:",
    "",
    `| field | ${STANDINGS.join(" | ")} | right |`,
    `| --- |${" ---: |".repeat(STANDINGS.length)} --- |`,
    ...Object.entries(FIELDS).map(([kind, [name, verdict]]) => {
      const found = results.flatMap(({ image, damaged }) =>
        formatOf(image) === formatOf(name) && damaged[kind.split(" ")[1]!]
          ? [damaged[kind.split(" ")[1]!]!]
          : []
      );
      return `${row(name, found)} ${verdict} |`;
    }),
  ];
}

const formatOf = (name: string) => name.startsWith("VHDX") ? "VHDX" : "VHD";

type Standings = Readonly<Record<Standing, number>>;

function row(name: string, all: readonly Standings[]): string {
  const sums = STANDINGS.map((each) => all.reduce((sum, counts) => sum + counts[each], 0));
  return `| ${name} | ${sums.join(" | ")} |`;
}

/** By format and kind: what it is called, and who is right. */
const FIELDS: Readonly<Record<string, readonly [name: string, verdict: string]>> = {
  "vhd footer": [
    "VHD, the footer of a fixed one",
    "who refuses: its checksum is wrong, and there is no copy (VHD 1.0, *Hard Disk Footer Format*)",
  ],
  "vhd entry": [
    "VHD, an entry of the table",
    "who refuses: each block has a place of its own, inside the file and behind its structures (VHD 1.0, *Block Allocation Table and Data Blocks*)",
  ],
  "vhd bitmap": [
    "VHD, a sector bitmap",
    "of a dynamic one, who reads what the block holds, as Windows does; 7-Zip reads zeros where a bit is missing. Of a child the bitmap decides (VHD 1.0, *Differencing Hard Disk Image*)",
  ],
  "vhd locator": ["VHD, a path of the parent", "who finds the parent"],
  "vhdx entry": [
    "VHDX, an entry of the table",
    "who refuses: a state that does not exist, a place outside the file, or one that two have (MS-VHDX 2.5.1)",
  ],
  "vhdx bitmap": ["VHDX, a sector bitmap", "nobody can know: the bitmap decides (MS-VHDX 2.4)"],
  "vhdx size": [
    "VHDX, the size",
    "who refuses what is no multiple of a sector, or larger than 64 TiB (MS-VHDX 2.6.2.2); of other sizes nobody can know",
  ],
  "vhdx parameters": [
    "VHDX, sizes of blocks and sectors, and where they are",
    "who refuses values that do not exist, and items that are not known but required (MS-VHDX 2.6.1.2 and 2.6.2)",
  ],
  "vhdx locator": ["VHDX, a path of the parent", "who finds the parent"],
};
