import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createImage } from "./create_image.ts";
import { example } from "./example.ts";
import { everySo, sampledRows } from "./sampling.ts";
import { TempDir, testWith } from "./support.ts";

/** The native backend is the default on Windows, and needs its libraries. */
const FFI = Deno.build.os === "windows" ? ["--allow-ffi"] : [];

Deno.test("examples/read_sectors.ts prints the first sector", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhd");
  (await createImage(path, { size: 3 << 20, subtype: "fixed" })).close();
  const file = Deno.openSync(path, { write: true });
  file.writeSync(new TextEncoder().encode("boot sector"));
  file.close();
  const { code, out } = await example("read_sectors.ts", [`--allow-read=${dir.path}`], path);
  assertEquals(code, 0, out);
  const lines = out.trimEnd().split("\n");
  assertEquals(lines.length, 32);
  assertEquals(
    lines[0],
    "00000000  62 6f 6f 74 20 73 65 63 74 6f 72 00 00 00 00 00  boot sector.....",
  );
});

Deno.test("examples/differencing.ts shows a child and its parent", async () => {
  using dir = new TempDir();
  const permissions = [`--allow-read=${dir.path}`, `--allow-write=${dir.path}`];
  const { code, out } = await example("differencing.ts", permissions, dir.path);
  assertEquals(code, 0, out);
  assertStringIncludes(out, `its parent is ${dir.file("base.vhdx")} (found)`);
  assertStringIncludes(out, "1073741824 bytes from 0 on: zero");
});

Deno.test("examples/inspect.ts prints what opens, and why the rest does not", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("a.vhdx"), { size: 3 << 20 })).close();
  const { code, out } = await example(
    "inspect.ts",
    [`--allow-read=${dir.path}`, ...FFI],
    dir.file("a.vhdx"),
    dir.file("b.vhdx"),
  );
  assertEquals(code, 1, out);
  assertMatch(out, /virtualSize: 3145728/);
  assertMatch(out, /b\.vhdx.*ERROR_FILE_NOT_FOUND/);
});

const SNAPSHOT = "00112233-4455-6677-8899-aabbccddeeff";
/** Examples that need Windows' driver. */
const DRIVER: [name: string, args: string[]][] = [
  ["change_tracking.ts", ["missing.vhdx"]],
  ["change_tracking.ts", ["missing.vhdx", "id"]],
  ["mount_iso.ts", ["missing.vhd.iso"]],
  ["attach_vhdx.ts", ["--read-only", "missing.vhdx"]],
  ["raw_access.ts", ["missing.vhd", "output"]],
  ["create_from_physical_disk.ts", ["99", "missing.vhdx"]],
  ["vhd_set.ts", ["missing.vhds", "take"]],
  ["vhd_set.ts", ["missing.vhds", "apply", SNAPSHOT]],
  ["vhd_set.ts", ["missing.vhds", "delete", SNAPSHOT]],
];

for (const [index, [name, args]] of DRIVER.entries()) {
  const title = `examples/${name} ${args.join(" ")} says what it needs`;
  testWith(everySo(4, index), title, async () => {
    const { code, out } = await example(name, ["--allow-ffi"], ...args);
    assertEquals(code, 1, out);
    const needed = Deno.build.os === "windows" ? "missing.vhd" : "the native backend needs Windows";
    assertStringIncludes(out, needed);
  });
}

Deno.test("examples that need the driver explain how they are called", async () => {
  const rows = [
    ["change_tracking.ts"],
    ["mount_iso.ts"],
    ["attach_vhdx.ts"],
    ["raw_access.ts", "a.vhdx"],
    ["create_from_physical_disk.ts", "one", "a.vhdx"],
    ["compact_with_progress.ts"],
    ["vhd_set.ts"],
    ["vhd_set.ts", "a.vhds", "apply"],
  ];
  // Not those of which the sample has the test above.
  for (const [name, ...args] of sampledRows(rows, 4, 1)) {
    const { code, out } = await example(name!, [], ...args);
    assertEquals(code, 2, out);
    assertStringIncludes(out, `usage: ${name}`);
  }
});
