/** Cuts images at many lengths, and asserts that no diagnosis says that all is well with one. */
import { assert, assertEquals } from "@std/assert";
import { checkVirtualDisk, diagnose, type Diagnosis } from "@virtdisk/virtdisk";
import { sampledRows } from "../../sampling.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** The structures at the start of a VHDX or VHD, and the descriptors of a disc. */
const STARTS = [
  1,
  8,
  80,
  511,
  512,
  1024,
  1536,
  2048,
  4096,
  64 * KIB,
  68 * KIB,
  128 * KIB,
  132 * KIB,
  192 * KIB,
  256 * KIB,
  320 * KIB,
  MIB,
  2 * MIB,
  3 * MIB,
  4 * MIB,
  32 * KIB,
  34 * KIB,
  36 * KIB,
  512 * KIB,
];
/** How far from the end: footers, sectors of several sizes, pages. */
const ENDS = [1, 2, 84, 496, 511, 512, 513, 1024, 2048, 4096, 64 * KIB];

/** What a survey saw. */
export interface CuttingSurvey {
  /** How many lengths were tried: all, or of the sample every sixteenth. */
  readonly cuts: number;
  /** How many cuts were told with exactly the bytes that are missing. */
  readonly exact: number;
  /** How many with a least number of bytes. */
  readonly least: number;
}

/** What is to be said of an image that is cut. */
export interface CutRules {
  /** Bytes at the end of the file that hold nothing: without them the image is whole. */
  readonly spare?: number;
  /** From this length on the count must be exact. */
  readonly exactFrom: number;
}

/** Lengths, the longest first: every percent, and around each structure. */
function lengthsOf(size: number, rules: CutRules): number[] {
  const near = [...STARTS, ...ENDS.map((end) => size - (rules.spare ?? 0) - end)]
    .flatMap((length) => [length - 1, length, length + 1]);
  const percents = Array.from({ length: 99 }, (_, i) => Math.floor(size * (i + 1) / 100));
  const lengths = [...new Set([...near, ...percents])]
    .filter((length) => length > 0 && length < size - (rules.spare ?? 0));
  return lengths.sort((a, b) => b - a);
}

/** Cuts a file again and again, until nothing is left of it. */
export async function surveyCuts(path: string, rules: CutRules): Promise<CuttingSurvey> {
  const whole = await diagnose(path, { backend: "portable" });
  assertEquals(whole.verdict, "sound", JSON.stringify(whole));
  const { size } = Deno.statSync(path);
  let exact = 0;
  let least = 0;
  const lengths = sampledRows(lengthsOf(size, rules), 16);
  for (const length of lengths) {
    Deno.truncateSync(path, length);
    const where = `${path} cut to ${length} of ${size} bytes`;
    const diagnosis = await diagnose(path, { backend: "portable" });
    assertEquals(diagnosis.verdict, "unusable", `${where}: ${JSON.stringify(diagnosis)}`);
    assertEquals((await checkVirtualDisk(path)).sound, false, where);
    assert(!diagnosis.findings.some(({ message }) => message.includes("image, not")), where);
    const told = missingOf(diagnosis);
    if (told?.isExact) {
      assertEquals(told.bytes, size - length, where);
      exact++;
    } else if (told !== undefined) {
      assert(told.bytes <= size - length, `${where}: at least ${told.bytes}`);
      least++;
    }
    assert(length < rules.exactFrom || told?.isExact, `${where}: ${JSON.stringify(diagnosis)}`);
  }
  Deno.truncateSync(path, 0);
  const empty = await diagnose(path, { backend: "portable" });
  assertEquals([empty.verdict, empty.findings[0]?.message], ["unusable", "the file is empty"]);
  return { cuts: lengths.length, exact, least };
}

/** How many bytes are missing by the findings. */
function missingOf({ findings }: Diagnosis): { bytes: number; isExact: boolean } | undefined {
  const found = findings.find(({ missingBytes }) => missingBytes !== undefined);
  if (found?.missingBytes === undefined) return undefined;
  const isExact = !found.message.includes("at least");
  const count = found.missingBytes.toLocaleString("en-US");
  assert(found.message.startsWith(`cut off: ${isExact ? "" : "at least "}${count} byte`));
  return { bytes: found.missingBytes, isExact };
}
