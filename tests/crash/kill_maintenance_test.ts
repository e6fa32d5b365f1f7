/** A real process is killed while it compacts or merges, again and again, until it comes to the end. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { Random } from "../fuzz/random.ts";
import { assertBytesEqual, onlyOn, pattern, ROOT, TempDir, testWith } from "../support.ts";

const MIB = 2 ** 20;
const SIZE = 48 * MIB;
const DEPTH = 2;
const SEED = 17;
const LIVES = 12;
/** Milliseconds from the first word of the child to its end. */
const LONGEST_LIFE = 60;

for (const type of ["vhd", "vhdx"] as const) {
  for (const operation of ["compact", "merge"] as const) {
    // Windows has no SIGKILL, and other systems no need to be told apart.
    testWith(
      [onlyOn("linux", "darwin")],
      `a killed ${operation} of a ${type} leaves the disk as it was, and comes to its end when it is run again`,
      async () => {
        using dir = new TempDir();
        const path = (depth: number) => dir.file(`${depth}.${type}`);
        const expected = await makeChain(path);
        const leaf = path(DEPTH);
        const before = Deno.statSync(leaf).size;
        const random = new Random(SEED);
        let kills = 0;
        for (let life = 0; life < LIVES; life++) {
          if (await runAndKill(leaf, operation, random.below(LONGEST_LIFE))) kills++;
          await assertDisk(leaf, expected);
        }
        assertGreater(kills, 0);
        await runAndKill(leaf, operation, undefined);
        await assertDisk(leaf, expected);
        if (operation === "merge") await assertDisk(path(0), expected);
        else assert(Deno.statSync(leaf).size < before);
        console.log(`${operation} of a ${type}: ${kills} kills`);
      },
    );
  }
}

/** Two children, each with blocks that hold zeros, or what the parent does; gives the leaf's bytes. */
async function makeChain(path: (depth: number) => string): Promise<Uint8Array> {
  const bytes = new Uint8Array(SIZE);
  for (let depth = 0; depth <= DEPTH; depth++) {
    const kind = depth === 0 ? { size: SIZE } : { parent: path(depth - 1) };
    using disk = await createImage(path(depth), { ...kind, blockSize: 2 * MIB });
    for (let offset = 0; offset < SIZE; offset += 2 * MIB) {
      const data = offset % (6 * MIB) === 0
        ? bytes.slice(offset, offset + 2 * MIB)
        : pattern(2 * MIB, depth);
      if (offset % (10 * MIB) === 0) data.fill(0);
      disk.writeSync(data, offset);
      bytes.set(data, offset);
    }
  }
  return bytes;
}

async function assertDisk(path: string, expected: Uint8Array): Promise<void> {
  using disk = await openVirtualDisk(path, { backend: "portable" });
  const bytes = new Uint8Array(SIZE);
  disk.readSync(bytes, 0);
  assertBytesEqual(bytes, expected, path);
}

/** Whether the child was killed before it came to its end. */
async function runAndKill(
  path: string,
  operation: string,
  life: number | undefined,
): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${ROOT}tests/crash/maintenance_child.ts`].concat(
      [path, operation, String(DEPTH)],
    ),
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  if (life !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, life));
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It has come to its end.
      if (!(error instanceof TypeError)) throw error;
    }
  }
  const { code, signal } = await child.status;
  await reader.cancel();
  if (signal === null) assertEquals(code, 0);
  return signal !== null;
}
