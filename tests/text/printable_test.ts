import { assertEquals } from "@std/assert";
import { printable } from "../../src/text/printable.ts";

Deno.test("printable escapes what moves, clears or types, and leaves colours and ends of lines", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["disk.vhdx", "disk.vhdx"],
    ["\x1b[1mdisk\x1b[0m\n\tone", "\x1b[1mdisk\x1b[0m\n\tone"],
    ["\x1b]0;title\x07", "\\u001b]0;title\\u0007"],
    ["\x1b[2J\x1b[H", "\\u001b[2J\\u001b[H"],
    ["a\rb\x08\x7f\x9b2J", "a\\u000db\\u0008\\u007f\\u009b2J"],
    ["disk\u202exdhv", "disk\\u202exdhv"],
    ["é 磁盘 🖴", "é 磁盘 🖴"],
  ];
  for (const [text, expected] of rows) assertEquals(printable(text), expected);
});
