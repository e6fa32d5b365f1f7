/** How a reading stands to those of others, and that every program is asked. */
import { assertEquals } from "@std/assert";
import { sampledRounds } from "../../sampling.ts";
import { TempDir, testWith } from "../../support.ts";
import type { Reading } from "../readers/reading.ts";
import { compare, imagesByQemu, standingOf } from "./differences.ts";
import { PROGRAM_NEEDS, startPrograms } from "./programs.ts";

const bytes = (checksum: number | undefined): Reading => ({ kind: "bytes", checksum });
const REFUSED: Reading = { kind: "refused", how: "" };

Deno.test("standingOf(): agreement takes two others, and nobody who reads it otherwise", () => {
  const rows = [
    [bytes(1), [bytes(1), bytes(1)], "alike"],
    [bytes(1), [bytes(1), REFUSED], "alike"],
    [bytes(2), [bytes(1), bytes(1)], "other bytes"],
    [bytes(undefined), [bytes(1), bytes(1)], "other bytes"],
    [REFUSED, [bytes(1), bytes(1)], "refused alone"],
    [REFUSED, [bytes(1), REFUSED], "others differ"],
    [bytes(1), [bytes(1), bytes(2)], "others differ"],
    [bytes(2), [bytes(undefined), bytes(undefined)], "others differ"],
    [REFUSED, [REFUSED, REFUSED], "alike"],
    [bytes(1), [REFUSED, REFUSED], "read alone"],
  ] as const;
  for (const [own, others, expected] of rows) {
    assertEquals(standingOf(own, others), expected, JSON.stringify([own, others]));
  }
});

testWith(
  PROGRAM_NEEDS,
  "compare(): a sound image is read right by all, and is as it was afterwards",
  async () => {
    using dir = new TempDir();
    await using stack = new AsyncDisposableStack();
    const programs = startPrograms(stack, dir.file("read.raw"));
    const image = imagesByQemu(dir).find(({ name }) => name === "VHD, dynamic, by QEMU")!;
    const count = sampledRounds(4);
    const { sound, damaged, faults } = await compare(image, programs, { count, seed: 3 });
    assertEquals(Object.values(sound), Array(5).fill("right"));
    assertEquals(faults, []);
    const tried = Object.values(damaged).flatMap((counts) => Object.values(counts));
    assertEquals(tried.reduce((a, b) => a + b, 0), count);
    assertEquals(Deno.readFileSync(image.path), image.bytes);
  },
);
