import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { denoCommand, startAgain, startAgainLater } from "./deno_command.ts";

const FAULT = "Failed to spawn 'deno.exe': Internal error. (os error 1359)";

/** Fails so many times, and counts the calls. */
function failing(times: number, message: string) {
  const calls = { count: 0 };
  const start = () => {
    calls.count++;
    if (calls.count <= times) throw new Error(message);
    return "started";
  };
  return { calls, start };
}

Deno.test("startAgain tries twice more, for Wine's fault and on Windows only", async (t) => {
  for (
    const [name, times, message, isWindows, expected] of [
      ["at once", 0, FAULT, true, 1],
      ["the third time", 2, FAULT, true, 3],
      ["never", 9, FAULT, true, 3],
      ["another fault", 1, "Access is denied. (os error 5)", true, 1],
      ["another system", 1, FAULT, false, 1],
    ] as const
  ) {
    await t.step(name, async () => {
      const starts = times < expected;
      const now = failing(times, message);
      if (starts) assertEquals(startAgain(now.start, isWindows), "started");
      else assertThrows(() => startAgain(now.start, isWindows), Error, message);
      assertEquals(now.calls.count, expected);

      const later = failing(times, message);
      const start = () => Promise.resolve().then(later.start);
      if (starts) assertEquals(await startAgainLater(start, isWindows), "started");
      else await assertRejects(() => startAgainLater(start, isWindows), Error, message);
      assertEquals(later.calls.count, expected);
    });
  }
});

Deno.test("denoCommand runs this Deno in each of the three ways", async () => {
  const command = () => denoCommand({ args: ["--version"], stdout: "piped" });
  const output = [
    await command().output(),
    command().outputSync(),
    await command().spawn().output(),
  ];
  for (const { stdout } of output) {
    assertEquals(new TextDecoder().decode(stdout).split(/\s/)[1], Deno.version.deno);
  }
});
