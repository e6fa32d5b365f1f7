import { assertEquals, assertStringIncludes } from "@std/assert";
import { onlyOn, ROOT, testWith } from "./support.ts";

const GUID = "00112233-4455-6677-8899-aabbccddeeff";

/** Runs an example with no permission but the one it names. */
function example(name: string, ...args: string[]): { code: number; out: string } {
  const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-ffi", `${ROOT}/examples/${name}`, ...args],
    env: { NO_COLOR: "1" },
  }).outputSync();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout) + text.decode(stderr) };
}

const ROWS: [name: string, args: string[]][] = [
  ["change_tracking.ts", ["disk.vhdx"]],
  ["change_tracking.ts", ["disk.vhdx", "id"]],
  ["vhd_set.ts", ["set.vhds", "take"]],
  ["vhd_set.ts", ["set.vhds", "apply", GUID]],
  ["vhd_set.ts", ["set.vhds", "delete", GUID]],
];

for (const [name, args] of ROWS) {
  testWith([onlyOn("linux", "darwin")], `examples/${name} ${args.join(" ")} needs Windows`, () => {
    const { code, out } = example(name, ...args);
    assertEquals(code, 1, out);
    assertStringIncludes(out, "the native backend needs Windows");
  });
}

Deno.test("examples of the driver explain how they are called", () => {
  const rows = [["change_tracking.ts"], ["vhd_set.ts"], ["vhd_set.ts", "a.vhds", "apply"]];
  for (const [name, ...args] of rows) {
    const { code, out } = example(name!, ...args);
    assertEquals(code, 2, out);
    assertStringIncludes(out, `usage: ${name}`);
  }
});
