import { assertEquals, assertStringIncludes } from "@std/assert";
import { denoCommand } from "../deno_command.ts";
import { ROOT, TempDir } from "../support.ts";
import { createImage } from "../create_image.ts";

function demo(dir: TempDir, ...args: string[]): { code: number; out: string; err: string } {
  const { code, stdout, stderr } = denoCommand({
    args: ["task", "--cwd", ROOT, "-q", "demo", ...args],
    env: { TMPDIR: dir.path, TEMP: dir.path, TMP: dir.path, NO_COLOR: "1" },
  }).outputSync();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

Deno.test("the demo shows three images and cleans up", () => {
  using dir = new TempDir();
  const { code, out, err } = demo(dir);
  assertEquals([code, err], [0, ""]);
  for (const kind of ["VHDX, dynamic", "VHDX, differencing", "VHD, dynamic"]) {
    assertStringIncludes(out, kind);
  }
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

Deno.test("the demo with files shows those", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("mine.vhd"), { size: 3 << 20 })).close();
  const { code, out } = demo(dir, dir.file("mine.vhd"));
  assertEquals(code, 0);
  assertStringIncludes(out, "mine.vhd");
  assertEquals(out.includes("differencing"), false);
});
