/** A real file that may grow no further, in the midst of writing: a clear error, and nothing is lost. */
import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { createVirtualDisk } from "@virtdisk/virtdisk";
import { sampledRows } from "../sampling.ts";
import { onlyOn, ROOT, TempDir, testWith } from "../support.ts";
import { applyLine, childArguments, look } from "./child_writer.ts";
import { Oracle } from "./oracle.ts";
import { FIRST_WRITTEN } from "./stamp.ts";
import { VHD } from "./vhd_scenarios.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const SIZE = 16 * 2 ** 20;
const SEEDS = [1, 2, 3];
/** How large the file may become, in the units of `ulimit -f` in bash: 1 KiB. */
const LIMITS = [6200, 9001, 12_345];

const DISKS = [[VHD, "vhd"], [VHDX, "vhdx"]] as const;

for (const [d, [format, type]] of DISKS.entries()) {
  testWith([onlyOn("linux")], `a ${type} that may grow no further loses nothing`, async () => {
    for (const [i, limit] of sampledRows([...LIMITS.entries()], 3, d)) {
      using dir = new TempDir();
      const path = dir.file(`disk.${type}`);
      const options = { type, size: SIZE, blockSize: type === "vhd" ? 2 ** 19 : 2 ** 20 };
      (await createVirtualDisk(path, { ...options, backend: "portable" })).close();
      const before = look(format, path);
      const { lines, errors } = await runLimited(path, SEEDS[i]!, limit);
      assertStringIncludes(errors, "VirtualDiskError: WriteFile");
      assertStringIncludes(errors, "ERROR_FILE_SYSTEM_LIMITATION");
      assertGreater(lines.length, 1);
      const oracle = new Oracle(before, format.changesIdentifier);
      for (const line of lines) applyLine(oracle, line);
      oracle.check(look(format, path));
    }
  });
}

/** Runs the child with a limit on the size of files, which it learns of by an error, not by a signal. */
async function runLimited(
  path: string,
  seed: number,
  limit: number,
): Promise<{ lines: string[]; errors: string }> {
  const script = `trap "" XFSZ; ulimit -f ${limit}; exec "$0" "$@"`;
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", script, Deno.execPath(), ...childArguments(path, seed, FIRST_WRITTEN)],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  const errors = text.decode(stderr);
  assertEquals(code, 1, errors);
  return { lines: text.decode(stdout).split("\n").slice(0, -1), errors };
}
