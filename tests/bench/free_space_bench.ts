/**
 * Giving back what an ext4 in a VHDX leaves free, against what else there is for it without mounting the disk: a raw
 * copy, zerofree, and a VHDX of that by qemu-img.
 *
 * @module
 */
import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
import { fillAndEmpty, makeExt, ZEROFREE } from "../portable/filesystems/ext_images.ts";
import { run, TempDir, tool } from "../support.ts";
import { compareLong } from "./measure.ts";

const MiB = 2 ** 20;
const NEEDS = [tool("qemu-img"), tool("/usr/sbin/mke2fs"), tool("/usr/sbin/debugfs"), ZEROFREE];

/** Measures it, and how long the files are afterwards. */
export async function benchFreeSpace(): Promise<void> {
  const missing = NEEDS.map((need) => need()).filter((each) => each !== undefined);
  if (missing.length > 0) return console.log(`\nFree space: not measured, ${missing.join(", ")}`);
  using dir = new TempDir();
  const [raw, source] = [dir.file("raw.img"), dir.file("source.vhdx")];
  makeExt(raw, 2048 * MiB, "-t", "ext4", "-b", "4096");
  fillAndEmpty(dir, raw, { seed: 1, files: 60, largest: 16 * MiB, removed: 256 * MiB });
  const options = { backend: "portable", sourceType: "raw" } as const;
  (await createVirtualDisk(source, { ...options, source: raw })).close();

  const size = (path: string) => Deno.statSync(path).size;
  const file = (name: string) => dir.file(`${name}.vhdx`);
  const compacted = (path: string, freeSpace: boolean) => ({
    prepare: () => Deno.copyFileSync(source, path),
    run: async () => {
      using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
      await disk.compact({ freeSpace });
    },
    fileSize: () => size(path),
  });
  await compareLong({
    title: `A VHDX of ${
      Math.round(size(source) / 1e6)
    } MB: what its ext4 leaves free is given back`,
    operation: "image",
    contenders: [
      {
        name: "qemu-img convert to raw, zerofree, and back",
        run: () => {
          run("qemu-img", "convert", "-t", "writeback", "-f", "vhdx", "-O", "raw", source, raw);
          run("/usr/sbin/zerofree", raw);
          const formats = ["-f", "raw", "-O", "vhdx", "-o", "block_size=1M"];
          run("qemu-img", "convert", "-t", "writeback", ...formats, raw, file("theirs"));
        },
        fileSize: () => size(file("theirs")),
      },
      { name: "virtdisk: compact, by the format alone", ...compacted(file("plain"), false) },
      { name: "virtdisk: compact --free-space, in place", ...compacted(file("ours"), true) },
      {
        name: "virtdisk: convert --free-space --block-size 1MiB",
        run: async () => {
          const options = { backend: "portable", blockSize: MiB, overwrite: true } as const;
          const freeSpace = { source, freeSpace: true } as const;
          (await createVirtualDisk(file("anew"), { ...options, ...freeSpace })).close();
        },
        fileSize: () => size(file("anew")),
      },
    ],
  });
}
