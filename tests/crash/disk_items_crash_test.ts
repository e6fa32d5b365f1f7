/** A crash while the items of a disk are replaced leaves those that it had, or the new ones. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { openWritableVhdx } from "../../src/portable/vhdx/writable_image.ts";
import { Random } from "../fuzz/random.ts";
import { vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { pattern } from "../support.ts";
import { explored, sampled, sampledBound } from "../sampling.ts";
import { crashStates } from "./crash_states.ts";
import { diskItem, itemsOf } from "./disk_items.ts";
import { createVhdxIn, newImage } from "./formats.ts";
import { RecordingSource } from "./recording_source.ts";
import type { SparseFile } from "./sparse_file.ts";

const SEED = 5;
/** More than an entry of the log takes; two of them need a larger region. */
const LARGE = 530_000;
const FILE_ITEM = "cccccccc-0000-0000-0000-000000000001";

const OLD = [diskItem(1, true, pattern(LARGE)), diskItem(2, false, pattern(300))];
const ROWS = {
  "small ones, which would fit where others lie": [
    diskItem(3, false, pattern(300_000, 1)),
    diskItem(2, true, pattern(20, 3)),
  ],
  "large ones, for which the region grows": [diskItem(1, true, pattern(LARGE, 7))],
};

for (const [what, items] of Object.entries(ROWS)) {
  Deno.test(`replacing items by ${what} is done or not done, whenever it crashes`, () => {
    const base = newImage(createVhdxIn, vhdxSpec({ items: OLD }));
    change(base, (image) => image.metadata!.set(FILE_ITEM, pattern(50)));
    const before = seen(base);
    const recording = new RecordingSource<never>(base.fork());
    change(recording, (image) => image.metadata!.setDiskItems(items));
    const after = seen(recording);
    assertEquals(after.length, items.length + 1);
    let states = 0;
    for (
      const { file, description } of sampled(
        crashStates(base, recording.changes, new Random(SEED), 2),
      )
    ) {
      states++;
      const left = seen(file);
      assert([String(before), String(after)].includes(String(left)), description());
    }
    explored(`replacing items by ${what}`, { "crash states": states });
    assertGreater(states, sampledBound(recording.changes.length));
  });
}

function change(
  file: SparseFile | RecordingSource<never>,
  make: (image: ReturnType<typeof openWritableVhdx>) => void,
): void {
  const image = openWritableVhdx(file);
  make(image);
  image.finish();
}

function seen(file: SparseFile | RecordingSource<never>): string[] {
  const image = openVhdx(file);
  return [...itemsOf(image, true), ...itemsOf(image, false)];
}
