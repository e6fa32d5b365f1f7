/**
 * One life of a server under a file system: serves an image, mounts the ext4 in it through nbdfuse and a loop device,
 * writes files, and kills the server in the middle. Runs where its mounts are its own and go with it: `OWN_MOUNTS`.
 * Arguments: the image, a folder, a seed, a name that no other life has.
 *
 * Each line of its output is a JSON object: `{ uncertain: NAME }` before a file changes, `{ kept: NAME, length, seed }` when
 * it is synced, `{ gone: NAME }` when its removal is.
 */
import { Random } from "../../fuzz/random.ts";
import { unmount } from "../../mounting.ts";
import { pattern, run } from "../../support.ts";

const WRITERS = 3;
/** Milliseconds from the first write to the kill, and from there until each writer must have seen it. */
const LONGEST_LIFE = 600;
const LONGEST_DEATH = 60_000;
const LONGEST_FILE = 150_000;
/** The disk has room for so many. */
const MAX_FILES = 60;

const [image = "", folder = "", seed = "", life = ""] = Deno.args;
const random = new Random(Number(seed));
const socket = `${folder}/s`;
const device = `${folder}/nbd`;
const mounted = `${folder}/mounted`;
const encoder = new TextEncoder();

const server = start(
  Deno.execPath(),
  "run",
  "--no-check",
  "--allow-all",
  new URL("served.ts", import.meta.url).pathname,
  image,
  socket,
);
const reader = server.stdout.getReader();
if ((await reader.read()).done) throw new Error("the server has not begun");
const nbdfuse = start("nbdfuse", device, `nbd+unix:///?socket=${socket}`);
await waitFor(() => Deno.statSync(`${device}/nbd`).size > 0);
// Deleting gives blocks back at once.
run("mount", "-o", "loop,discard", `${device}/nbd`, mounted);

const names = Array.from(Deno.readDirSync(mounted)).filter(({ isFile }) => isFile)
  .map(({ name }) => name);
const end = AbortSignal.timeout(LONGEST_LIFE + LONGEST_DEATH);
setTimeout(() => server.kill("SIGKILL"), random.below(LONGEST_LIFE));
await Promise.all(Array.from({ length: WRITERS }, (_, i) => writeUntilItFails(i)));
await server.status;
unmount(mounted);
unmount(device);
await nbdfuse.status;

/** A disk that is gone fails; so does, from then on, the file system on it. */
async function writeUntilItFails(writer: number): Promise<void> {
  const mine = names.filter((_, i) => i % WRITERS === writer);
  for (let count = 0;; count++) {
    end.throwIfAborted();
    const isRemoval = mine.length > 0 &&
      (mine.length >= MAX_FILES / WRITERS || random.below(4) === 0);
    const name = isRemoval || mine.length > 0 && random.below(3) === 0
      ? random.pick(mine)
      : `${life}-${writer}-${count}`;
    const content = {
      length: random.below(random.pick([100, LONGEST_FILE])),
      seed: random.below(251),
    };
    tell({ uncertain: name });
    try {
      if (isRemoval) {
        await Deno.remove(`${mounted}/${name}`);
        mine.splice(mine.indexOf(name), 1);
        using directory = await Deno.open(mounted);
        await directory.sync();
        await assertAlive(writer);
        tell({ gone: name });
        continue;
      }
      // In place if it is there: nothing is truncated before.
      using file = await Deno.open(`${mounted}/${name}`, { write: true, create: true });
      const bytes = pattern(content.length, content.seed);
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.truncate(bytes.length);
      // What nobody waits for is written too, now or later.
      if (random.below(5) > 0) {
        await file.sync();
        await assertAlive(writer);
        tell({ kept: name, ...content });
      }
      if (!mine.includes(name)) mine.push(name);
    } catch (error) {
      if (isOfDevice(error)) return;
      throw error;
    }
  }
}

/**
 * Linux may say that something is synced when its transaction has failed for another who waited for it. The journal
 * takes no more then: if it does, all that was synced before is there.
 */
async function assertAlive(writer: number): Promise<void> {
  const probe = `${mounted}/probe-${life}-${writer}`;
  await Deno.mkdir(probe);
  await Deno.remove(probe);
}

/** Input and output errors, and what an ext4 says that has seen one: it takes no writes any more. */
function isOfDevice(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "EIO" || code === "EROFS" || code === "EUCLEAN";
}

/** Whoever reads it may be gone: then so is this. */
function tell(line: object): void {
  Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(line)}\n`));
}

function start(program: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
}

async function waitFor(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 6000; i++) {
    try {
      if (condition()) return;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("the disk is not there after a minute");
}
