/** The parts of the pages that follow from the source are as they follow. */
import { assertEquals } from "@std/assert";
import { pageText, partIn, PARTS, unaligned } from "../../docs/build/parts.ts";

for (const part of PARTS) {
  Deno.test(`${part.page} has the ${part.about} that the source gives: \`deno task readme\` writes them`, async () => {
    assertEquals(unaligned(partIn(pageText(part.page), part)), unaligned(await part.make()));
  });
}
