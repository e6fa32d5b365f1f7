import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../support.ts";
import { QUESTIONS } from "../windows/verify/questions.ts";
import { INFERRED } from "./inferred.ts";

const FOLDER = join(ROOT, "tests", "double");

/** The files that answer for VirtDisk.dll, and what is in them. */
const SOURCES = [...Deno.readDirSync(FOLDER)]
  .filter(({ name }) => name.endsWith(".c"))
  .map(({ name }) => ({ name, text: Deno.readTextFileSync(join(FOLDER, name)) }));

/** They answer for the system, not for VirtDisk.dll. */
const OF_THE_SYSTEM = /^(?:kernel32|handle|files|operation)_\w+\.c$|^kernel32\.c$/;
/** Codes that say nothing of Windows: success, and that this machine has no memory. */
const CODE = /\bCODE_(?!SUCCESS\b|NOT_ENOUGH_MEMORY\b)\w+/;
const EVIDENCE = /\[(?:[DHAMO]\b[^\]]*|guard|I:\s+[a-z0-9-]+)\]/;

Deno.test("what is only inferred is listed, and what is listed is answered", () => {
  const named = SOURCES.flatMap(({ text }) => [...text.matchAll(/\[I:\s+([a-z0-9-]+)\]/g)])
    .map(([, id]) => id!);
  assertEquals([...new Set(named)].sort(), Object.keys(INFERRED).sort());
});

Deno.test("every function of the double that answers a code names its evidence", () => {
  const without = SOURCES.filter(({ name }) => !OF_THE_SYSTEM.test(name)).flatMap((
    { name, text },
  ) =>
    text.split(/\n\n+/).filter((each) => CODE.test(each) && !EVIDENCE.test(each))
      .map((each) => `${name}: ${each.split("\n")[0]}`)
  );
  assertEquals(without, []);
});

Deno.test("a real Windows is asked about everything that is only inferred", () => {
  const asked = QUESTIONS.flatMap(({ about = [] }) => about);
  assertEquals([...new Set(asked)].sort(), Object.keys(INFERRED).sort());
});
