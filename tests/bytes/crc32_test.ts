import { assertEquals } from "@std/assert";
import { crc32 as crc32OfZlib } from "node:zlib";
import { crc32, crc32c } from "../../src/bytes/crc32.ts";
import { pattern } from "../support.ts";
import { pureTest } from "../pure.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

/** The check value of CRC-32/ISCSI, and the examples of RFC 3720 B.4. */
const rows: [string, Uint8Array, number][] = [
  ["nothing", new Uint8Array(0), 0],
  ["the digits 1 to 9", ascii("123456789"), 0xe3069283],
  ["32 zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["32 bytes counting up", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ["32 bytes counting down", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
];

pureTest("crc32c() gives the check values of CRC-32/ISCSI and RFC 3720", async (t) => {
  for (const [name, bytes, expected] of rows) {
    await t.step(`${name}: 0x${expected.toString(16)}`, () => {
      assertEquals(crc32c(bytes), expected);
    });
  }
});

pureTest("crc32c() can be continued at any point", () => {
  const bytes = pattern(100);
  const whole = crc32c(bytes);
  for (let i = 0; i <= 100; i++) {
    assertEquals(crc32c(bytes.subarray(i), crc32c(bytes.subarray(0, i))), whole, `at ${i}`);
  }
});

pureTest("crc32c() of each length agrees with a division bit by bit", () => {
  for (let length = 0; length < 40; length++) {
    const bytes = pattern(length, length);
    assertEquals(crc32c(bytes), byDivision(bytes), `${length} bytes`);
  }
});

pureTest("crc32c() of data between runs of zeros agrees with a division bit by bit", () => {
  for (const at of [0, 1, 511, 512, 1023, 1024, 3000, 4095]) {
    const bytes = new Uint8Array(4100);
    bytes.set(pattern(5, at), at);
    assertEquals(crc32c(bytes), byDivision(bytes), `data at ${at}`);
    assertEquals(crc32c(bytes, 0x12345678), byDivision(bytes, 0x12345678), `data at ${at}`);
  }
});

pureTest(
  "crc32c() of runs of zeros of any length, data before and behind them, can be put together",
  () => {
    const data = pattern(100);
    for (const length of [511, 512, 1535, 1536, 4096, 32767, 32768, 33280, 65535, 66048]) {
      const bytes = new Uint8Array(data.length + length + data.length);
      bytes.set(data);
      bytes.set(data, data.length + length);
      // Pieces that are too short for a run to be taken in one step.
      let expected = 0;
      for (let at = 0; at < bytes.length; at += 500) {
        expected = crc32c(bytes.subarray(at, at + 500), expected);
      }
      assertEquals(crc32c(bytes), expected, `${length} zeros`);
      assertEquals(
        crc32c(bytes.subarray(1), crc32c(bytes.subarray(0, 1))),
        expected,
        `${length} zeros`,
      );
    }
  },
);

pureTest("crc32() agrees with zlib", async (t) => {
  await t.step("the check value of CRC-32/ISO-HDLC", () => {
    assertEquals(crc32(ascii("123456789")), 0xcbf43926);
  });
  for (const length of [0, 1, 7, 8, 9, 92, 511, 512, 513, 16 * 1024]) {
    await t.step(`${length} bytes of data, and in a row of zeros`, () => {
      const data = pattern(length, length);
      assertEquals(crc32(data), crc32OfZlib(data));
      const zeros = new Uint8Array(length + 1024);
      zeros.set(data.subarray(0, 100), length);
      assertEquals(crc32(zeros), crc32OfZlib(zeros));
      assertEquals(crc32(zeros, 0x12345678), crc32OfZlib(zeros, 0x12345678));
    });
  }
});

function byDivision(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
