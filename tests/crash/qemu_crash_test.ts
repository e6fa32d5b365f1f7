/** QEMU opens what crashes leave, and reads the same bytes as are read here. */
import { assertEquals, assertGreater } from "@std/assert";
import { Random } from "../fuzz/random.ts";
import { run, TempDir, testWith } from "../support.ts";
import { everySo, explored, sampledPercent, sampledRounds } from "../sampling.ts";
import { QEMU } from "../interop/vhd_oracles.ts";
import { explore } from "./exploration.ts";
import { readStamps } from "./stamp.ts";
import type { SparseFile } from "./sparse_file.ts";
import { VHD_SCENARIOS } from "./vhd_scenarios.ts";
import { VHDX_SCENARIOS } from "./vhdx_scenarios.ts";

const SEED = 15;
/** A state costs QEMU about as long as a hundred of them cost here. */
const PERCENT = sampledPercent(30);
const PERCENT_FOR_QEMU = sampledPercent(8);
const MAX_STATES = Math.min(10, sampledRounds(30));

const SCENARIOS = [...VHD_SCENARIOS, ...VHDX_SCENARIOS]
  .filter(({ qemuLacks }) => qemuLacks === undefined);

for (const [i, scenario] of SCENARIOS.entries()) {
  testWith(
    [...QEMU, ...everySo(3, i)],
    `QEMU reads what crashes leave of ${scenario.title}`,
    () => {
      using dir = new TempDir();
      const path = dir.file("crashed.img");
      const random = new Random(SEED);
      let states = 0;
      explore({
        ...scenario,
        base: scenario.base(),
        seed: SEED,
        percent: scenario.percent ?? PERCENT,
        alsoCheck: ({ file }, seen) => {
          if (states >= MAX_STATES || !random.chance(PERCENT_FOR_QEMU)) return;
          states++;
          const versions = qemuVersions(file, path, seen.attributes.get("format") === "vhdx");
          const disk = versions.subarray(0, seen.versions.length);
          const different = disk.findIndex((version, i) => version !== seen.versions[i]);
          assertEquals(different, -1, `QEMU reads another version of sector ${different}`);
        },
      });
      explored(`${scenario.title}`, { "crash states through QEMU": states });
      assertGreater(states, 0);
    },
  );
}

/** What QEMU sees; it replays a log first, which it refuses to do while it only reads. */
function qemuVersions(file: SparseFile, path: string, isVhdx: boolean): Uint32Array {
  const raw = `${path}.raw`;
  file.save(path);
  // QEMU's own writes need not survive anything.
  if (isVhdx) run("qemu-img", "check", "-q", "-T", "unsafe", "-r", "all", "-f", "vhdx", path);
  run("qemu-img", "convert", "-f", isVhdx ? "vhdx" : "vpc", "-O", "raw", path, raw);
  const bytes = Deno.readFileSync(raw);
  const versions = new Uint32Array(bytes.length / 512);
  readStamps(bytes, 0, versions);
  return versions;
}
