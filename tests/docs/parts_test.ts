/** The parts of the pages that follow from the source are as they follow. */
import { assert } from "@std/assert";
import { pageText, partIn, PARTS, unaligned } from "../../docs/build/parts.ts";

/** How much of either text a failure shows. */
const SHOWN = 200;

for (const part of PARTS) {
  Deno.test(`${part.page}: the ${part.about} are those of the source (\`deno task readme\` writes them)`, async () => {
    const there = unaligned(partIn(pageText(part.page), part));
    const made = unaligned(await part.make());
    if (there === made) return;
    const at = [...made].findIndex((letter, at) => letter !== there[at]);
    const start = Math.max(0, at - SHOWN / 2);
    const [old, current] = [there, made].map((text) => text.slice(start, start + SHOWN));
    assert(
      false,
      `run \`deno task readme\`. The page says:\n${old}\nThe source gives:\n${current}`,
    );
  });
}
