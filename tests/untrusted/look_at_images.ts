/**
 * Does to each image what somebody does who wants to know what is in it, and says where each begins by a question for
 * a file that is not there: in a trace that is a line.
 *
 * Usage: look_at_images.ts MARK FOLDER_FOR_NEW_FILES IMAGE...
 */
import {
  checkVirtualDisk,
  compareVirtualDisks,
  convertVirtualDisk,
  createVirtualDisk,
  diagnose,
  findVirtualDiskChains,
  type OpenOptions,
  openVirtualDisk,
} from "../../portable.ts";

const [mark, out, ...images] = Deno.args as [string, string, ...string[]];

/** What it may end with: an error that says what is wrong, or a refusal of Deno's. */
async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Error && error.name === "VirtualDiskError")) throw error;
  }
}

async function look(path: string, options: OpenOptions<"portable">): Promise<void> {
  using disk = await openVirtualDisk(path, options);
  disk.information();
  [...disk.metadata.keys()];
  [...disk.extents()];
  disk.readSync(new Uint8Array(4096), 0);
  await disk.freeSpace();
}

for (const path of images) {
  await Deno.lstat(`${mark}/${path}`).catch(() => {});
  await attempt(() => look(path, {}));
  await attempt(() => look(path, { flags: ["no-parents"] }));
  await attempt(() => look(path, { damage: "tolerate" }));
  await attempt(() => checkVirtualDisk(path));
  await attempt(() => diagnose(path));
  await attempt(() => convertVirtualDisk(path, `${out}/copy.vhdx`, { overwrite: true }));
  await attempt(() => Array.fromAsync(compareVirtualDisks(path, images[0]!)));
  await attempt(() => createVirtualDisk(`${out}/child.vhdx`, { parent: path, overwrite: true }));
  await attempt(() => findVirtualDiskChains([path]));
}
