/** The server is killed while a client writes, again and again; the image keeps what was flushed. */
import { assert, assertEquals, assertGreater, AssertionError } from "@std/assert";
import { dirname } from "@std/path";
import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk/portable";
import { look } from "../crash/child_writer.ts";
import { Oracle } from "../crash/oracle.ts";
import { FIRST_WRITTEN, SECTOR, stamped, ZEROS } from "../crash/stamp.ts";
import { VHD } from "../crash/vhd_scenarios.ts";
import { VHDX } from "../crash/vhdx_scenarios.ts";
import { Random } from "../fuzz/random.ts";
import { explored, sampledRounds } from "../sampling.ts";
import { onlyOn, ROOT, run, TempDir, testWith, tool } from "../support.ts";
import { RawClient } from "./raw_client.ts";

const KILLS = sampledRounds(50);
const SEED = 77;
const VERSIONS_PER_LIFE = 10_000;
/** Milliseconds from the first write to the end. */
const LONGEST_LIFE = 250;
const SIZE = 8 * 2 ** 20;
const WRITE = 1;
const FLUSH = 3;
const WRITE_ZEROES = 6;
const FUA = 1;

const DISKS = [
  { format: VHD, type: "vhd", blockSize: 2 ** 19, check: "vpc" },
  { format: VHDX, type: "vhdx", blockSize: 2 ** 20, check: "vhdx" },
] as const;

for (const { format, type, blockSize, check } of DISKS) {
  testWith(
    [onlyOn("linux", "darwin"), tool("qemu-img")],
    `serveVirtualDisk: a killed server of a dynamic ${type} loses nothing that was flushed`,
    async () => {
      using dir = new TempDir();
      const path = dir.file(`disk.${type}`);
      (await createVirtualDisk(path, { type, size: SIZE, blockSize })).close();
      const random = new Random(SEED);
      let seen = look(format, path);
      let commands = 0;
      for (let life = 0; life < KILLS; life++) {
        const oracle = new Oracle(seen, false);
        oracle.apply({ kind: "opening", identifier: "" });
        const version = FIRST_WRITTEN + life * VERSIONS_PER_LIFE;
        commands += await writeAndKill(path, dir.file("s"), oracle, random, version);
        const left = look(format, path);
        oracle.check(left, true);
        seen = left;
      }
      explored(`a served ${type}, ${commands} commands`, { kills: KILLS });
      assertGreater(commands, KILLS);
      using disk = await openVirtualDisk(path, { readOnly: false });
      disk.close();
      using again = await openVirtualDisk(path);
      // Space that a killed writer has taken and not used yet is no damage.
      const { findings } = await again.check();
      assertEquals(findings.filter(({ severity }) => severity !== "info"), []);
      // Of VHD it knows no check: reading all of it must do.
      if (type === "vhdx") run("qemu-img", "check", "-f", check, path);
      run("qemu-img", "convert", "-f", check, "-O", "raw", path, dir.file("raw"));
    },
  );
}

/** Serves the image, writes at random, and kills the server in the middle; gives how much was answered. */
async function writeAndKill(
  path: string,
  socket: string,
  oracle: Oracle,
  random: Random,
  firstVersion: number,
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      `--allow-read=${dirname(path)}`,
      `--allow-write=${path},${socket}`,
      `--allow-net=unix:${socket}`,
      "--allow-sys=umask",
      "tests/serve/children/served.ts",
      path,
      socket,
    ],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const output = child.stdout.getReader();
  const { done } = await output.read();
  assert(!done, await (done ? errors : ""));
  let answered = 0;
  {
    using client = await RawClient.ready(socket);
    const timer = setTimeout(() => child.kill("SIGKILL"), random.below(LONGEST_LIFE));
    try {
      for (let version = firstVersion;; version++) {
        await command(client, oracle, random, version);
        answered++;
      }
    } catch (error) {
      // Anything else but that the server is gone is a failure.
      if (error instanceof AssertionError) throw error;
    } finally {
      clearTimeout(timer);
      killIfAlive(child);
    }
  }
  const { signal } = await child.status;
  assertEquals(signal, "SIGKILL", await errors);
  await errors;
  while (!(await output.read()).done);
  return answered;
}

function killIfAlive(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It is dead already.
  }
}

async function command(
  client: RawClient,
  oracle: Oracle,
  random: Random,
  version: number,
): Promise<void> {
  const kind = random.below(10);
  if (kind === 0) {
    await client.request({ type: FLUSH });
    assertEquals(await client.readError(), 0);
    return oracle.apply({ kind: "flushed" });
  }
  const first = random.below(SIZE / SECTOR);
  const count = Math.min(SIZE / SECTOR - first, 1 + random.below(random.pick([4, 40, 3000])));
  const offset = BigInt(first * SECTOR);
  if (kind === 1) {
    oracle.apply({ kind: "write", first, count, version: ZEROS });
    await client.request({ type: WRITE_ZEROES, offset, length: count * SECTOR });
    return assertEquals(await client.readError(), 0);
  }
  const isDurable = kind === 2;
  oracle.apply({ kind: "write", first, count, version });
  const data = stamped(first, count, version);
  await client.request({ type: WRITE, flags: isDurable ? FUA : 0, offset, data });
  assertEquals(await client.readError(), 0);
  // The flush of one is a flush of all that were answered.
  if (isDurable) oracle.apply({ kind: "flushed" });
}
