/**
 * Maintenance by the portable backend against what else there is for it: for compacting, `qemu-img convert`
 * into another file; for merging, `qemu-img commit` of qcow2 images that hold the same, as QEMU has no
 * differencing VHDs and VHDXs; for comparing, `qemu-img compare`.
 *
 * @module
 */
import { compareVirtualDisks, createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
import { run, TempDir, tool } from "../support.ts";
import { type BenchImage, DATA_SIZE, makeFlatFile, makeImages } from "./images.ts";
import { compareLong } from "./measure.ts";

const MIB = 1 << 20;
/** What a child holds; and what is zeroed before compacting. */
const CHANGED = { offset: DATA_SIZE / 4, length: DATA_SIZE / 2 } as const;

const CHANGED_BYTE = 7;

/** Measures compacting, merging and comparing; needs qemu-img. */
export async function benchMaintenance(): Promise<void> {
  const missing = tool("qemu-img")();
  if (missing !== undefined) return console.log(`\nMaintenance: not measured, ${missing}`);
  using dir = new TempDir();
  const flat = makeFlatFile(dir);
  const images = makeImages(dir, flat);
  for (const image of images) await benchCompact(image, dir);
  for (const image of images) await benchMerge(image, flat, dir);
  await benchCompare(images as [BenchImage, BenchImage]);
}

async function benchCompact({ name, path, qemuFormat }: BenchImage, dir: TempDir): Promise<void> {
  const zeroed = dir.file(`zeroed.${qemuFormat}`);
  Deno.copyFileSync(path, zeroed);
  await change(zeroed, 0);
  const [ours, theirs] = [dir.file(`ours.${qemuFormat}`), dir.file(`theirs.${qemuFormat}`)];
  await compareLong({
    title: `${name}: 512 MiB of data, half of them zeroed, made shorter`,
    operation: "image",
    contenders: [
      {
        name: "qemu-img convert -t writeback, into another file",
        run: () => {
          const formats = ["-f", qemuFormat, "-O", qemuFormat];
          run("qemu-img", "convert", "-t", "writeback", ...formats, zeroed, theirs);
        },
      },
      {
        name: "virtdisk: compact",
        prepare: () => Deno.copyFileSync(zeroed, ours),
        run: async () => {
          using disk = await openVirtualDisk(ours, { backend: "portable", readOnly: false });
          await disk.compact();
        },
      },
    ],
  });
  run("qemu-img", "compare", "-q", "-f", qemuFormat, "-F", qemuFormat, zeroed, ours);
}

async function benchMerge(
  { name, path, qemuFormat }: BenchImage,
  flat: string,
  dir: TempDir,
): Promise<void> {
  const extension = name.toLowerCase();
  const [base, child] = [dir.file(`base.${extension}`), dir.file(`child.${extension}`)];
  const qcow2 = { base: dir.file("base.qcow2"), child: dir.file("child.qcow2") };
  await compareLong({
    title: `${name}: a child of 256 MiB merged into its parent`,
    operation: "merge",
    contenders: [
      {
        name: "qemu-img commit -t writeback, of qcow2 images",
        prepare: () => {
          run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", flat, qcow2.base);
          run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", qcow2.base, ...[
            qcow2.child,
          ]);
          const { offset, length } = CHANGED;
          run(
            "qemu-io",
            "-f",
            "qcow2",
            "-c",
            `write -P ${CHANGED_BYTE} ${offset} ${length}`,
            qcow2.child,
          );
        },
        run: () => {
          run("qemu-img", "commit", "-q", "-t", "writeback", "-f", "qcow2", qcow2.child);
        },
      },
      {
        name: "virtdisk: merge",
        prepare: async () => {
          Deno.copyFileSync(path, base);
          (await createVirtualDisk(child, { parent: base, overwrite: true, backend: "portable" }))
            .close();
          await change(child, CHANGED_BYTE);
        },
        run: async () => {
          using disk = await openVirtualDisk(child, { backend: "portable", readOnly: false });
          await disk.merge();
        },
      },
    ],
  });
  run("qemu-img", "compare", "-q", "-f", "qcow2", "-F", qemuFormat, qcow2.base, base);
}

/** Writes into the range that is changed, and makes it durable. */
async function change(path: string, byte: number): Promise<void> {
  using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
  const bytes = new Uint8Array(MIB).fill(byte);
  for (let done = 0; done < CHANGED.length; done += MIB) {
    disk.writeSync(bytes, CHANGED.offset + done);
  }
}

async function benchCompare([first, second]: readonly [BenchImage, BenchImage]): Promise<void> {
  await compareLong({
    title: `A ${first.name} and a ${second.name} of 512 MiB of the same data`,
    operation: "comparison",
    contenders: [
      {
        name: "qemu-img compare",
        run: () => {
          const formats = ["-f", first.qemuFormat, "-F", second.qemuFormat];
          run("qemu-img", "compare", "-q", ...formats, first.path, second.path);
        },
      },
      {
        name: "virtdisk: compareVirtualDisks",
        run: async () => {
          for await (const range of compareVirtualDisks(first.path, second.path)) {
            throw new Error(`the same disk differs at ${range.offset}`);
          }
        },
      },
    ],
  });
}
