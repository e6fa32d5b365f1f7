import { assertEquals, assertLessOrEqual } from "@std/assert";
import { DryRunFile } from "../../../src/portable/file/dry_run_file.ts";
import { Random } from "../../fuzz/random.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { HoleySource, MemorySource } from "./memory_source.ts";
import { pureTest } from "../../pure.ts";

pureTest("a dry run's file reads as a file would after the same writes, and its file stays", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed);
    const original = pattern(random.below(20_000));
    const source = new MemorySource(original.slice());
    const file = new DryRunFile(source);
    let model = original.slice();
    for (let step = 0; step < 60; step++) {
      const offset = random.below(30_000);
      const length = random.below(9_000);
      if (random.below(4) === 0) {
        file.truncate(offset);
        const next = new Uint8Array(offset);
        next.set(model.subarray(0, offset));
        model = next;
      } else if (random.below(3) === 0) {
        // Anywhere, also behind the end, but so that the ranges share no byte.
        const gap = random.below(9_000);
        const [from, to] = random.chance(50)
          ? [offset, offset + length + gap]
          : [offset + length + gap, offset];
        file.copyWithin(from, to, length);
        const next = new Uint8Array(Math.max(model.length, to + length));
        next.set(model);
        const copy = new Uint8Array(length);
        copy.set(model.subarray(from, from + length));
        next.set(copy, to);
        model = next;
      } else {
        const bytes = random.chance(50)
          ? pattern(length, step)
          : new Uint8Array(length).fill(random.pick([0, 0xff]));
        file.writeAt(bytes, offset);
        const next = new Uint8Array(Math.max(model.length, offset + length));
        next.set(model);
        next.set(bytes, offset);
        model = next;
      }
      assertEquals(file.size, model.length);
      const [from, count] = [random.below(32_000), random.below(12_000)];
      const bytes = new Uint8Array(count).fill(9);
      const read = file.readAt(bytes, from);
      assertBytesEqual(bytes.subarray(0, read), model.subarray(from, from + count), `seed ${seed}`);
    }
    assertBytesEqual(source.bytes, original);
  }
});

pureTest("zeros behind the end of the file take no memory", () => {
  const file = new DryRunFile(new HoleySource(4096, []));
  const zeros = new Uint8Array(2 ** 20);
  // As pages of their own these would be 4 GiB.
  for (let offset = 4096; offset < 2 ** 32; offset += zeros.length) file.writeAt(zeros, offset);
  const bytes = new Uint8Array(4096).fill(1);
  assertEquals(file.readAt(bytes, 2 ** 31), 4096);
  assertEquals(bytes.some((byte) => byte !== 0), false);
});

pureTest("pages of ones, of which the tables of VHDs are full, take no memory of their own", () => {
  const file = new DryRunFile(new HoleySource(4096, []));
  const ones = new Uint8Array(2 ** 20).fill(0xff);
  const before = Deno.memoryUsage().external;
  for (let offset = 4096; offset < 2 ** 28; offset += ones.length) file.writeAt(ones, offset);
  assertLessOrEqual(Deno.memoryUsage().external - before, 2 ** 26);
  file.writeAt(new Uint8Array(1), 2 ** 20);
  file.truncate(2 ** 27 + 1);
  file.truncate(2 ** 27 + 2);
  for (
    const [offset, expected] of [[2 ** 20, [0, 255]], [2 ** 21, [255, 255]], [2 ** 27, [255, 0]]]
  ) {
    const bytes = new Uint8Array(2);
    file.readAt(bytes, offset as number);
    assertEquals([...bytes], expected);
  }
});

pureTest("copies of what the file holds take no memory", () => {
  const file = new DryRunFile(
    new HoleySource(2 ** 40, [
      { offset: 2 ** 39 + 5, bytes: new Uint8Array([1, 2, 3]) },
    ]),
  );
  const before = Deno.memoryUsage().external;
  for (let at = 2 ** 39; at < 2 ** 40; at += 2 ** 32) file.copyWithin(at, at - 2 ** 39, 2 ** 32);
  assertLessOrEqual(Deno.memoryUsage().external - before, 2 ** 20);
  const bytes = new Uint8Array(5);
  file.readAt(bytes, 4);
  assertEquals([...bytes], [0, 1, 2, 3, 0]);
});
