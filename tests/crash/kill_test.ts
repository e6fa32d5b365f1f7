/** A real process is killed while it writes, again and again; the image keeps what it flushed. */
import { assert, assertGreater } from "@std/assert";
import { createVirtualDisk } from "@virtdisk/virtdisk";
import { Random } from "../fuzz/random.ts";
import { everySo, explored, sampledRounds } from "../sampling.ts";
import { onlyOn, ROOT, TempDir, testWith } from "../support.ts";
import { applyLine, childArguments, look } from "./child_writer.ts";
import { Oracle } from "./oracle.ts";
import { FIRST_WRITTEN } from "./stamp.ts";
import { VHD } from "./vhd_scenarios.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const KILLS = sampledRounds(20, 2);
const SEED = 31;
const VERSIONS_PER_LIFE = 10_000;
/** Milliseconds from the first word of the child to its end. */
const LONGEST_LIFE = 120;
const SIZE = 8 * 2 ** 20;

const DISKS = [
  { format: VHD, type: "vhd", subtype: "fixed" },
  { format: VHD, type: "vhd", subtype: "dynamic" },
  { format: VHDX, type: "vhdx", subtype: "fixed" },
  { format: VHDX, type: "vhdx", subtype: "dynamic" },
] as const;

for (const [i, { format, type, subtype }] of DISKS.entries()) {
  // Windows has no SIGKILL, and other systems no need to be told apart.
  testWith(
    [onlyOn("linux", "darwin"), ...everySo(3, i)],
    `a killed writer of a ${subtype} ${type} loses nothing`,
    async () => {
      using dir = new TempDir();
      const path = dir.file(`disk.${type}`);
      const blocks = subtype === "fixed" ? {} : { blockSize: type === "vhd" ? 2 ** 19 : 2 ** 20 };
      (await createVirtualDisk(path, { type, subtype, size: SIZE, backend: "portable", ...blocks }))
        .close();
      const random = new Random(SEED);
      let seen = look(format, path);
      let operations = 0;
      for (let life = 0; life < KILLS; life++) {
        const version = FIRST_WRITTEN + life * VERSIONS_PER_LIFE;
        const lines = await runAndKill(path, random.uint32(), version, random.below(LONGEST_LIFE));
        operations += lines.length;
        const oracle = new Oracle(seen, false);
        for (const line of lines) applyLine(oracle, line);
        const left = look(format, path);
        try {
          oracle.check(left, true);
        } catch (error) {
          const last = lines.slice(-5).join(", ");
          throw new Error(
            `life ${life} (seed ${SEED}) after ${lines.length} reports, last ${last}`,
            {
              cause: error,
            },
          );
        }
        seen = left;
      }
      explored(`a ${subtype} ${type}, ${operations} reports`, { kills: KILLS });
      assertGreater(operations, KILLS);
    },
  );
}

/** Runs the child, and kills it so many milliseconds after its first report; gives its whole lines. */
async function runAndKill(
  path: string,
  seed: number,
  version: number,
  delay: number,
): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: childArguments(path, seed, version),
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  let isDoomed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const errors = new Response(child.stderr).text();
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += chunk;
    if (isDoomed) continue;
    isDoomed = true;
    timer = setTimeout(() => child.kill("SIGKILL"), delay);
  }
  const { signal } = await child.status;
  clearTimeout(timer);
  assert(isDoomed && signal === "SIGKILL", `the child was to be killed, but: ${await errors}`);
  await errors;
  return output.split("\n").slice(0, -1);
}
