/** What several programs make of the same images, sound and damaged, and where they differ. */
import {
  damageOf,
  isEffective,
  patchFile,
  type Subject,
  subject,
} from "../../fuzz/damaged_fields.ts";
import { Random } from "../../fuzz/random.ts";
import { run, type TempDir } from "../../support.ts";
import { type FlipSubject, flipSubjects } from "../bit_flips/subjects.ts";
import { checksumOf, type Reading } from "../readers/reading.ts";
import { type Program, PROGRAM_NAMES, type ReadDisk } from "./programs.ts";

/** An image whose disk is known. */
export interface KnownImage extends Subject {
  readonly hasLog: boolean;
}

const MIB = 2 ** 20;
const SEED = 7;

/** Images of this project and of QEMU: of libvhdi, 7-Zip and Sleuth Kit there are none, they only read. */
export async function knownImages(dir: TempDir): Promise<KnownImage[]> {
  const own = (await flipSubjects(dir)).filter(isDisk);
  return [
    ...own.map((each) => ({ ...each, name: `${each.name}, by virtdisk` })),
    ...imagesByQemu(dir),
  ];
}

function isDisk(image: FlipSubject): image is FlipSubject & { readonly format: "vhd" | "vhdx" } {
  return image.format !== "iso";
}

const BY_QEMU = [
  ["VHD, fixed", "vhd", "subformat=fixed,force_size=on"],
  ["VHD, dynamic", "vhd", "subformat=dynamic,force_size=on"],
  ["VHDX, fixed", "vhdx", "subformat=fixed,block_size=1M"],
  ["VHDX, dynamic", "vhdx", "subformat=dynamic,block_size=1M"],
] as const;

/** Images of QEMU. */
export function imagesByQemu(dir: TempDir): KnownImage[] {
  const random = new Random(SEED);
  const contents = new Uint8Array(6 * MIB);
  for (let at = 3 * 65536; at < contents.length; at += 19 * 65536) {
    for (let i = 0; i < 3 * 65536 && at + i < contents.length; i++) {
      contents[at + i] = 1 + random.below(255);
    }
  }
  const raw = dir.file("source.raw");
  Deno.writeFileSync(raw, contents);
  return BY_QEMU.map(([name, format, options]) => {
    const path = dir.file(`qemu-${options.slice(10, 13)}.${format}`);
    const type = format === "vhd" ? "vpc" : format;
    run("qemu-img", "convert", "-f", "raw", "-O", type, "-o", options, raw, path);
    return { ...subject({ format, path, contents }), name: `${name}, by QEMU`, hasLog: false };
  });
}

/** What a program makes of an image, in a word. */
export const WORDS = ["right", "other bytes", "refused", "untyped", "crash", "hang"] as const;

/** See {@linkcode WORDS}. */
export type Word = typeof WORDS[number];

function wordOf(reading: Reading, contents: Uint8Array): Word {
  if (reading.kind !== "bytes") return reading.kind;
  return reading.checksum === checksumOf(contents) ? "right" : "other bytes";
}

/** How this project stands to the others. */
export const STANDINGS = [
  /** The bytes that the others agree on; or all refuse. */
  "alike",
  /** It refuses what at least two others read alike, and none otherwise. */
  "refused alone",
  /** It reads other bytes than these. */
  "other bytes",
  /** All others refuse. */
  "read alone",
  /** The others do not agree. */
  "others differ",
] as const;

/** See {@linkcode STANDINGS}. */
export type Standing = typeof STANDINGS[number];

/** How a reading stands to those of the others. */
export function standingOf(own: Reading, others: readonly Reading[]): Standing {
  const read = others.filter((reading) => reading.kind === "bytes");
  if (read.length === 0) return own.kind === "bytes" ? "read alone" : "alike";
  const { checksum } = read[0]!;
  const isAgreed = checksum !== undefined && read.every((each) => each.checksum === checksum);
  if (own.kind === "bytes" && isAgreed && own.checksum === checksum) return "alike";
  if (!isAgreed || read.length < 2) return "others differ";
  return own.kind === "bytes" ? "other bytes" : "refused alone";
}

/** What came of an image. */
export interface ImageDifferences {
  readonly image: string;
  /** What each makes of it while it is sound. */
  readonly sound: Readonly<Record<Program, Word>>;
  /** Of damaged ones, by what was damaged. */
  readonly damaged: Readonly<Record<string, Readonly<Record<Standing, number>>>>;
  /** Of this project: crashes, hangs, untyped errors. */
  readonly faults: readonly string[];
}

const noStandings = () =>
  Object.fromEntries(STANDINGS.map((each) => [each, 0])) as Record<Standing, number>;

/** Shows an image to all programs, sound and damaged. */
export async function compare(
  image: KnownImage,
  programs: Readonly<Record<Program, ReadDisk>>,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<ImageDifferences> {
  const size = image.contents.length;
  const readAll = (names: readonly Program[]) =>
    Promise.all(names.map((name) => programs[name](image, size)));
  const readings = await readAll(PROGRAM_NAMES);
  const words = readings.map((reading) => wordOf(reading, image.contents));
  const sound = Object.fromEntries(PROGRAM_NAMES.map((name, i) => [name, words[i]!]));
  const able = PROGRAM_NAMES.filter((_, i) => words[i] === "right");
  const random = new Random(seed);
  const damaged: Record<string, Record<Standing, number>> = {};
  const faults: string[] = able[0] === "virtdisk" ? [] : [`${image.name}, sound: ${words[0]}`];
  for (let n = 0; n < count && faults.length === 0;) {
    const damage = damageOf(image, random);
    if (!isEffective(image, damage)) continue;
    n++;
    const undo = patchFile(image, damage.patches);
    const [own, ...others] = await readAll(able);
    undo();
    const standings = damaged[damage.field.kind] ??= noStandings();
    standings[standingOf(own!, others)]++;
    const word = wordOf(own!, image.contents);
    if (word !== "crash" && word !== "hang" && word !== "untyped") continue;
    faults.push(`${image.name}, ${damage.how} at ${damage.field.offset}: ${word}`);
  }
  return { image: image.name, sound: sound as Record<Program, Word>, damaged, faults };
}
