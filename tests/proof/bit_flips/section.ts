/** The section about flipped bits: what programs make of an image in which one bit is another. */
import { basename } from "@std/path";
import { TempDir } from "../../support.ts";
import { READER_NAMES, READER_NEEDS, type ReaderName, startReaders } from "../readers/readers.ts";
import { checksumOf } from "../readers/reading.ts";
import type { RunFacts, RunWish, Section } from "../section.ts";
import {
  flipBits,
  type FlipCounts,
  type FlipResult,
  type Incident,
  NEWEST_ENTRY,
  type Outcome,
} from "./flips.ts";
import { childOfSectors, type FlipSubject, flipSubjects } from "./subjects.ts";

/** What came of it. */
interface FlipResults {
  /** Of each image. */
  readonly flips: readonly FlipResult[];
  /** By program: how it reads a sound child that has less than 4 KiB of its own in one place. */
  readonly ofSectors: Readonly<Partial<Record<ReaderName, string>>>;
}

export const bitFlips: Section<FlipResults> = {
  name: "bit-flips",
  title: "Bit flips",
  unit: "places in each format",
  counts: { short: 750, long: 5000 },
  programs: ["qemu-img", "libvhdi"],
  needs: Object.values(READER_NEEDS).flat(),
  run,
  render,
  faults: ({ flips, ofSectors: { virtdisk } }) => [
    ...(virtdisk === RIGHT ? [] : [`a child with single sectors: ${virtdisk}`]),
    ...flips.flatMap(({ subject, unable }) =>
      unable.virtdisk === undefined ? [] : [`${subject}, sound: ${unable.virtdisk}`]
    ),
    ...flips.flatMap(({ incidents }) => incidents)
      .filter(({ reader }) => reader === "virtdisk").map(describe),
  ],
};

/** The images beside each other: programs wait for each other more than they compute. */
async function run({ count, seed, tell }: RunWish): Promise<FlipResults> {
  using dir = new TempDir();
  const subjects = await flipSubjects(dir);
  const flips = await Promise.all(subjects.map(async (subject) => {
    const places = Math.ceil(
      count / subjects.filter(({ format }) => format === subject.format).length,
    );
    const result = await flipAlone(dir, subject, { places, seed });
    tell(`${subject.name}: ${places} bits`);
    return result;
  }));
  return { flips, ofSectors: await readSectors() };
}

const RIGHT = "right";

async function readSectors(): Promise<FlipResults["ofSectors"]> {
  using dir = new TempDir();
  const image = await childOfSectors(dir);
  await using stack = new AsyncDisposableStack();
  const answers: Partial<Record<ReaderName, string>> = {};
  for (const reader of startReaders(dir.file("read.raw"))) {
    stack.use(reader);
    const reading = await reader.read(image, image.contents);
    const isRight = reading.kind === "bytes" && reading.checksum === checksumOf(image.contents);
    answers[reader.name] = isRight
      ? RIGHT
      : reading.kind === "bytes"
      ? "other bytes"
      : reading.kind;
  }
  return answers;
}

/** In a folder of its own: a bit that is flipped in a parent would be one in the child too. */
async function flipAlone(
  dir: TempDir,
  subject: FlipSubject,
  options: { readonly places: number; readonly seed: number },
): Promise<FlipResult> {
  using own = new TempDir();
  for (const { name } of Deno.readDirSync(dir.path)) {
    await Deno.copyFile(dir.file(name), own.file(name));
  }
  const { path, parent } = subject;
  const moved = {
    ...subject,
    path: own.file(basename(path)),
    parent: parent && own.file(basename(parent)),
  };
  await using stack = new AsyncDisposableStack();
  const readers = startReaders(own.file("read.raw"));
  for (const reader of readers) stack.use(reader);
  return await flipBits(moved, readers, options);
}

function render({ flips, ofSectors }: FlipResults, { seed }: RunFacts): string[] {
  const places = flips.map((each) => each.places).reduce((a, b) => a + b, 0);
  return [
    `One bit of an image is flipped, every program reads the whole disk, the bit is put back: ${places} times`,
    `(seed ${seed}; in images of VHD, of VHDX and of ISO as often). The images were made by this project. Of ten places, two are in the data of the disk, one in`,
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
    ...bitmapSilences(flips, ofSectors),
  ];
}

const CHILD = "VHD, differencing";

/** Why other programs read fewer flips of a child's bitmaps wrongly, if they do. */
function bitmapSilences(
  flips: readonly FlipResult[],
  ofSectors: FlipResults["ofSectors"],
): string[] {
  const child = flips.find(({ subject }) => subject === CHILD);
  const [ours, theirs] = (["virtdisk", "libvhdi"] as const).map((name) =>
    child?.counts[name] && (child.silentBits[name] ?? { lost: 0, made: 0 })
  );
  if (!ours || !theirs) return [];
  return [
    `In the bitmaps of the differencing VHD, virtdisk reads ${ours.lost} bits that are lost and ${ours.made} that should`,
    `not be set as other bytes, libvhdi ${theirs.lost} and ${theirs.made}. Neither can be refused. Where a bit is lost, the sector`,
    "lies in the block with its data, and nothing names it; a crash between a write and its flush leaves just that, and",
    "then the parent's sector is the one to be read: whoever refused it, or read what lies there, would fail after such",
    "a crash. `virtdisk check` tells of such sectors, as of what may be well. Where a bit is set, the",
    "block holds zeros for the sector, as if they had been written to it.",
    ...(ofSectors.libvhdi === RIGHT || ofSectors.libvhdi === undefined ? [] : [
      "libvhdi does not look at all bits: what follows a sector of the child within 4 KiB it takes for the child's as",
      "well. That hides lost bits, as here each run of sectors ends with such 4 KiB, and it makes libvhdi read sound",
      `images wrongly: a sound child whose runs end elsewhere it reads as ${ofSectors.libvhdi}, virtdisk reads it ${ofSectors.virtdisk}.`,
    ]),
    "",
  ];
}

function rows(
  { subject, counts }: FlipResult,
  kind: keyof FlipCounts,
  shown: readonly Outcome[],
  hasRest = false,
): string[] {
  return READER_NAMES.map((name) => {
    const row = counts[name]?.[kind];
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
    Object.entries(unable).map(([name, reason]) => `- ${subject}, ${name}: ${reason}.`)
  );
  return lines.length === 0 ? [] : ["Rows without figures:", "", ...lines, ""];
}

function compared(flips: readonly FlipResult[], name: ReaderName): string {
  const both = flips.flatMap(({ counts }) => {
    const [ours, theirs] = [counts.virtdisk, counts[name]];
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
    for (const [field, count] of Object.entries(silentFields)) {
      fields.set(field, (fields.get(field) ?? 0) + count);
    }
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
    ...(fields.has(NEWEST_ENTRY)
      ? [
        "The newest entry of a log is such a thing: with a bit that is another it looks like one that a crash kept",
        "from being written whole, which the format has left out.",
      ]
      : []),
    "",
  ];
}

/** With all that brings it back. */
function describe({ subject, place: { offset, bit }, reading }: Incident): string {
  const how = "how" in reading ? `: ${reading.how}` : "";
  return `${subject}, bit ${bit} of byte ${offset}: ${reading.kind}${how}`;
}
