/**
 * A parent whose writer was killed before it made all durable: a child that names it as it is now opens and reads the
 * same when the power fails thereafter.
 */
import { assertGreater } from "@std/assert";
import { createVirtualDisk, rebaseVirtualDisk } from "@virtdisk/virtdisk/portable";
import { Random } from "../fuzz/random.ts";
import { explored, IS_FULL } from "../sampling.ts";
import { assertBytesEqual, pattern } from "../support.ts";
import { type FolderState, folderStates } from "./folder_states.ts";
import { type FolderRule, SimulatedFolder } from "./simulated_folder.ts";
import { chainFiles, KINDS, openIn, readIn } from "./simulated_images.ts";

const SEED = 17;
const SAMPLES = 10;

for (const kind of KINDS) {
  const [base, child, moved] = ["0", "child", "moved"].map((name) => `${name}.${kind.type}`) as [
    string,
    string,
    string,
  ];
  const linkings: [title: string, link: (folder: SimulatedFolder) => Promise<void>][] = [
    ["made", async (folder) => {
      (await createVirtualDisk(folder.file(child), { parent: folder.file(base) })).close();
    }],
    ["told of it again", async (folder) => {
      const parent = folder.file(base);
      (await createVirtualDisk(folder.file(child), { parent: folder.file(moved) })).close();
      await rebaseVirtualDisk(folder.file(child), { parent, ignoreMismatch: true });
    }],
  ];
  for (const [title, link] of linkings) {
    Deno.test(`a ${kind.type} that is ${title} after its parent's writer was killed keeps what it showed`, async () => {
      const files = chainFiles(kind, 1);
      files.set(moved, files.get(base)!.fork());
      let states = 0;
      for (let kill = 0;; kill += IS_FULL ? 3 : 9) {
        let requests = 0;
        const rule: FolderRule = ({ kind }) =>
          kind === "change" && requests++ === kill ? { kind: "kill", written: 60 } : undefined;
        using folder = new SimulatedFolder(files, rule);
        await writeUntilKilled(folder, base);
        if (!folder.isKilled) break;
        folder.beginAnew();
        await link(folder);
        const expected = await readIn(folder, child);
        for (const state of statesAtEnd(folder)) {
          states++;
          using left = new SimulatedFolder(state.files);
          try {
            assertBytesEqual(await readIn(left, child), expected, child);
          } catch (error) {
            const reason = error instanceof Error ? error.message : String(error);
            throw new Error(`killed at ${kill}: ${reason}\n${state.description()}`, {
              cause: error,
            });
          }
        }
      }
      explored(`a ${kind.type} that is ${title}`, { "crash states": states });
      assertGreater(states, IS_FULL ? 80 : 26);
    });
  }
}

/** Some of those that a power failure leaves. */
function* statesAtEnd(folder: SimulatedFolder): Generator<FolderState> {
  const random = new Random(SEED);
  for (let i = 0; i < SAMPLES; i++) yield* folderStates(folder, random, 1, folder.steps.length);
}

/** Writes to an image, until its process is killed. */
async function writeUntilKilled(folder: SimulatedFolder, name: string): Promise<void> {
  try {
    using disk = await openIn(folder, name, false);
    // A second time everything has its place, and nothing is flushed on the way.
    for (let i = 0; i < 20; i++) disk.writeSync(pattern(4096, i), i % 10 * 4096);
  } catch (error) {
    if (!folder.isKilled) throw error;
  }
}
