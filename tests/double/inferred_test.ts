import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../support.ts";
import { INFERRED } from "./inferred.ts";

Deno.test("what is only inferred is listed, and what is listed is answered", () => {
  const folder = join(ROOT, "tests", "double");
  const named = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".c"))
    .flatMap((
      { name },
    ) => [...Deno.readTextFileSync(join(folder, name)).matchAll(/\[I:\s+([a-z-]+)\]/g)])
    .map(([, id]) => id!);
  assertEquals([...new Set(named)].sort(), Object.keys(INFERRED).sort());
});
