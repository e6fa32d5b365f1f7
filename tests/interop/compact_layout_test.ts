/** VHDX files whose log and tables lie anywhere: compacted here, they hold nothing but what they need; QEMU reads them. */
import { assert, assertEquals } from "@std/assert";
import { openVirtualDisk } from "@virtdisk/virtdisk";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { createImage } from "../create_image.ts";
import { type Movable, raise } from "../portable/vhdx/raised.ts";
import { everySo } from "../sampling.ts";
import { fileHash, pattern, run, TempDir, testWith } from "../support.ts";
import { QEMU } from "./vhd_oracles.ts";
import { qemuInspectVhdx, qemuRawVhdx } from "./vhdx_oracles.ts";

const MIB = 2 ** 20;
const SIZE = 64 * MIB;
/** Header area, log, metadata and table. */
const FIXED_PARTS = 4 * MIB;

interface Layout {
  readonly title: string;
  readonly blockSize: number;
  /** Moved behind the first blocks, behind those that follow, and behind the last. */
  readonly moves: readonly (readonly Movable[])[];
  /** Unused, before each that moves: too little for a block where it is less. */
  readonly gap: number;
}

const LAYOUTS: readonly Layout[] = [
  { title: "its log at the end", blockSize: 2 * MIB, moves: [[], [], ["log"]], gap: 0 },
  { title: "its log in the middle", blockSize: 2 * MIB, moves: [[], ["log"], []], gap: MIB },
  {
    title: "its table and its log at the end",
    blockSize: 8 * MIB,
    moves: [[], [], ["table", "log"]],
    gap: 5 * MIB,
  },
  {
    title: "everything at the end",
    blockSize: 2 * MIB,
    moves: [[], [], ["log", "metadata", "table"]],
    gap: 0,
  },
  {
    title: "everything in between, and no room for a block anywhere",
    blockSize: 8 * MIB,
    moves: [["log"], ["table"], ["metadata"]],
    gap: 7 * MIB,
  },
  {
    title: "rooms that are too small for a block until log and tables leave",
    blockSize: 8 * MIB,
    moves: [["log", "table", "metadata"], [], []],
    gap: 7 * MIB,
  },
];

for (const [i, layout] of LAYOUTS.entries()) {
  testWith(
    [...QEMU, ...everySo(4, i)],
    `compact(): a VHDX with ${layout.title} compacts to what it holds`,
    async () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      const kept = await makeLayout(path, layout);
      const hash = qemuHash(dir, path);
      const before = Deno.statSync(path).size;
      const dry = await compact(path, true);
      const report = await compact(path, false);
      assertEquals({ ...report, dryRun: true }, dry);
      assertEquals(report.previousFileSize, before);
      assertEquals(Deno.statSync(path).size, report.fileSize);
      const { blockSize } = layout;
      const ideal = FIXED_PARTS + kept * blockSize;
      assert(
        report.fileSize >= ideal && report.fileSize <= ideal + 2 * blockSize,
        `${report.fileSize} bytes, ideal are ${ideal}`,
      );
      assertEquals(qemuHash(dir, path), hash);
      using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
      assertEquals((await disk.check()).findings, []);
      assertEquals((await disk.compact({ dryRun: true })).fileSize, report.fileSize);
      // A new session of the log, in its new place.
      disk.writeSync(pattern(MIB, 77), 32 * MIB);
      disk.close();
      qemuInspectVhdx(path);
    },
  );
}

/** Writes blocks, moves structures in between; makes zeros of every other block. Gives how many are left. */
async function makeLayout(
  path: string,
  { blockSize, moves, gap }: Layout,
): Promise<number> {
  (await createImage(path, { size: SIZE, blockSize })).close();
  const blocks = SIZE / blockSize;
  const perPart = Math.floor(blocks / moves.length);
  for (const [i, structures] of moves.entries()) {
    using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
    const first = i * perPart;
    const end = i === moves.length - 1 ? blocks : first + perPart;
    for (let block = first; block < end; block++) {
      disk.writeSync(pattern(blockSize, block), block * blockSize);
    }
    disk.close();
    using file = ImageFile.open(path, { write: true });
    raise(file, structures, gap);
  }
  using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
  for (let block = 0; block < blocks; block += 2) {
    disk.writeSync(new Uint8Array(blockSize), block * blockSize);
  }
  return blocks / 2;
}

async function compact(path: string, dryRun: boolean) {
  using disk = await openVirtualDisk(path, { backend: "portable", readOnly: dryRun });
  return await disk.compact({ dryRun });
}

function qemuHash(dir: TempDir, path: string): string {
  const raw = dir.file("disk.raw");
  run("qemu-img", "check", "-q", "-f", "vhdx", path);
  qemuRawVhdx(path, raw);
  return fileHash(raw);
}
