import { assertEquals } from "@std/assert";
import { crc16 } from "../../../src/portable/iso/udf.ts";

Deno.test("crc16() gives the check value of the polynomial 0x1021 with initial value 0", () => {
  // The catalogue's check value of CRC-16/XMODEM, the same parameters as ECMA-167's.
  assertEquals(crc16(new TextEncoder().encode("123456789")), 0x31c3);
});

Deno.test("crc16() of the example in ECMA-167 7.2.6 is the number printed there", () => {
  assertEquals(crc16(Uint8Array.of(0x70, 0x6a, 0x77)), 0x3299);
});

Deno.test("crc16() of nothing is 0", () => {
  assertEquals(crc16(new Uint8Array(0)), 0);
});
