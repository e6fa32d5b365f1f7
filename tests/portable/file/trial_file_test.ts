import { assertEquals, assertLessOrEqual } from "@std/assert";
import { TrialFile } from "../../../src/portable/file/trial_file.ts";
import { Random } from "../../fuzz/random.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { HoleySource, MemorySource } from "./memory_source.ts";

Deno.test("a trial file reads as a file would after the same writes, and its file stays", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed);
    const original = pattern(random.below(20_000));
    const source = new MemorySource(original.slice());
    const trial = new TrialFile(source);
    let model = original.slice();
    for (let step = 0; step < 60; step++) {
      const offset = random.below(30_000);
      const length = random.below(9_000);
      if (random.below(4) === 0) {
        trial.truncate(offset);
        const next = new Uint8Array(offset);
        next.set(model.subarray(0, offset));
        model = next;
      } else {
        const bytes = random.chance(50)
          ? pattern(length, step)
          : new Uint8Array(length).fill(random.pick([0, 0xff]));
        trial.writeAt(bytes, offset);
        const next = new Uint8Array(Math.max(model.length, offset + length));
        next.set(model);
        next.set(bytes, offset);
        model = next;
      }
      assertEquals(trial.size, model.length);
      const [from, count] = [random.below(32_000), random.below(12_000)];
      const bytes = new Uint8Array(count).fill(9);
      const read = trial.readAt(bytes, from);
      assertBytesEqual(bytes.subarray(0, read), model.subarray(from, from + count), `seed ${seed}`);
    }
    assertBytesEqual(source.bytes, original);
  }
});

Deno.test("zeros behind the end of the file take no memory", () => {
  const trial = new TrialFile(new HoleySource(4096, []));
  const zeros = new Uint8Array(2 ** 20);
  // As pages of their own these would be 4 GiB.
  for (let offset = 4096; offset < 2 ** 32; offset += zeros.length) trial.writeAt(zeros, offset);
  const bytes = new Uint8Array(4096).fill(1);
  assertEquals(trial.readAt(bytes, 2 ** 31), 4096);
  assertEquals(bytes.some((byte) => byte !== 0), false);
});

Deno.test("pages of ones, of which the tables of VHDs are full, take no memory of their own", () => {
  const trial = new TrialFile(new HoleySource(4096, []));
  const ones = new Uint8Array(2 ** 20).fill(0xff);
  const before = Deno.memoryUsage().external;
  for (let offset = 4096; offset < 2 ** 28; offset += ones.length) trial.writeAt(ones, offset);
  assertLessOrEqual(Deno.memoryUsage().external - before, 2 ** 26);
  trial.writeAt(new Uint8Array(1), 2 ** 20);
  trial.truncate(2 ** 27 + 1);
  trial.truncate(2 ** 27 + 2);
  for (
    const [offset, expected] of [[2 ** 20, [0, 255]], [2 ** 21, [255, 255]], [2 ** 27, [255, 0]]]
  ) {
    const bytes = new Uint8Array(2);
    trial.readAt(bytes, offset as number);
    assertEquals([...bytes], expected);
  }
});
