import { assertEquals } from "@std/assert";
import {
  checkVirtualDisk,
  compareVirtualDisks,
  openVirtualDisk,
  type PortableVirtualDisk,
  type Progress,
} from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { pattern, TempDir } from "../../support.ts";

const MIB = 2 ** 20;
/** Far more than is ever in the file. */
const SIZE = 64 * 2 ** 30;
const DATA = 6 * MIB;

/** Keeps the last report of an operation. */
class Watch {
  bytes: number | undefined;
  completed = 0;
  readonly onProgress = ({ bytes, completed }: Progress): void => {
    this.bytes = bytes;
    this.completed = completed;
  };
}

/** A parent that holds nothing, and a child that holds something in the middle. */
async function makeChain(dir: TempDir): Promise<PortableVirtualDisk> {
  const parent = dir.file("base.vhdx");
  (await createImage(parent, { size: SIZE, blockSize: 2 * MIB })).close();
  const child = await createImage(dir.file("child.vhdx"), { parent, blockSize: 2 * MIB });
  child.writeSync(pattern(DATA), SIZE / 2);
  return child;
}

Deno.test("onProgress(): copying, merging and comparing count the data that there is, not the size of the disk", async () => {
  using dir = new TempDir();
  using child = await makeChain(dir);
  child.close();
  const { path } = child;
  const watch = new Watch();
  const { onProgress } = watch;
  (await createImage(dir.file("copy.vhd"), { source: path, onProgress })).close();
  assertEquals(watch.bytes, DATA);

  const compared = new Watch();
  const ranges = compareVirtualDisks(path, dir.file("base.vhdx"), {
    onProgress: compared.onProgress,
  });
  assertEquals(await Array.fromAsync(ranges), [{ offset: SIZE / 2, length: DATA }]);
  assertEquals(compared.bytes, DATA);

  using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
  const flattened = new Watch();
  await disk.merge({ into: dir.file("flat.vhdx"), onProgress: flattened.onProgress });
  assertEquals(flattened.bytes, DATA);
  const merged = new Watch();
  await disk.merge({ onProgress: merged.onProgress });
  assertEquals(merged.bytes, DATA);
});

Deno.test("onProgress(): compacting counts what it reads and what it moves", async () => {
  using dir = new TempDir();
  using disk = await createImage(dir.file("disk.vhdx"), { size: SIZE, blockSize: 2 * MIB });
  disk.writeSync(pattern(4 * MIB), 0);
  disk.writeSync(new Uint8Array(2 * MIB), 0);
  const watch = new Watch();
  const { movedBlocks } = await disk.compact({ onProgress: watch.onProgress });
  assertEquals(movedBlocks, 1);
  // A block of zeros is read to its end, another to its first piece; one block moves.
  assertEquals(watch.bytes, 2 * MIB + MIB + 2 * MIB);
});

Deno.test("onProgress(): what moves no data counts no bytes", async () => {
  using dir = new TempDir();
  using disk = await createImage(dir.file("disk.vhdx"), { size: 8 * MIB });
  const watch = new Watch();
  const { onProgress } = watch;
  await disk.resize(16 * MIB, { onProgress });
  disk.close();
  await checkVirtualDisk(disk.path, { onProgress });
  assertEquals(watch.bytes, undefined);
  assertEquals(watch.completed > 0, true);
});
