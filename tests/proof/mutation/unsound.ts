/** Tests that cannot notice anything, as they fail without a reason: what tries mutants leaves them out. */

Deno.test("sound", () => {});

Deno.test("fails", () => {
  throw new Error("of itself");
});

Deno.test("fails later", () => {
  queueMicrotask(() => {
    throw new Error("later");
  });
});

Deno.test("fails in a step", async (t) => {
  await t.step("step", () => {
    throw new Error("in a step");
  });
});

Deno.test("ends", () => Deno.exit(0));
