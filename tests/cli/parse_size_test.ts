import { assertEquals, assertThrows } from "@std/assert";
import { parseSize } from "../../src/cli/parse_size.ts";
import { UsageError } from "../../src/cli/usage_error.ts";

Deno.test("sizes are bytes, or numbers with binary units", () => {
  const rows: [text: string, bytes: number][] = [
    ["0", 0],
    ["4096", 4096],
    ["512B", 512],
    ["64KiB", 65536],
    ["10GiB", 10 * 2 ** 30],
    ["1.5tib", 1.5 * 2 ** 40],
    ["3 MiB", 3 * 2 ** 20],
  ];
  for (const [text, bytes] of rows) assertEquals(parseSize(text, "--size"), bytes, text);
});

Deno.test("what is no whole number of bytes, or in a unit of two meanings, is refused", () => {
  const texts = ["", "GiB", "-1", "1e3", "0x10", "10GB", "10G", "1.5", "0.3KiB", "1,5MiB", "NaN"];
  for (const text of [...texts, "9007199254740993", "1MiB2"]) {
    const error = assertThrows(() => parseSize(text, "--size"), UsageError);
    assertEquals(error.message.startsWith(`--size ${JSON.stringify(text)}`), true, text);
  }
});
