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

/** Measures it; prints how long the files are afterwards, too. */
export async function benchFreeSpace(): Promise<void> {
  const missing = NEEDS.map((need) => need()).filter((each) => each !== undefined);
  if (missing.length > 0) return console.log(`\nFree space: not measured, ${missing.join(", ")}`);
  using dir = new TempDir();
  const [raw, source] = [dir.file("raw.img"), dir.file("source.vhdx")];
  makeExt(raw, 2048 * MiB, "-t", "ext4", "-b", "4096");
  fillAndEmpty(dir, raw, { seed: 1, files: 60, largest: 16 * MiB, removed: 256 * MiB });
  const options = { backend: "portable", sourceType: "raw" } as const;
  (await createVirtualDisk(source, { ...options, source: raw })).close();

  const [ours, anew, theirs] = ["ours", "anew", "theirs"].map((name) =>
    dir.file(`${name}.vhdx`)
  ) as [
    string,
    string,
    string,
  ];
  const blocks = ["-o", "block_size=1M"];
  await compareLong({
    title: "VHDX with an ext4: what is free given back",
    operation: "image",
    contenders: [
      {
        name: "qemu-img convert to raw, zerofree, and back",
        run: () => {
          run("qemu-img", "convert", "-t", "writeback", "-f", "vhdx", "-O", "raw", source, raw);
          run("/usr/sbin/zerofree", raw);
          const formats = ["-f", "raw", "-O", "vhdx", ...blocks];
          run("qemu-img", "convert", "-t", "writeback", ...formats, raw, theirs);
        },
      },
      {
        name: "virtdisk: compact with free space, in place",
        prepare: () => Deno.copyFileSync(source, ours),
        run: async () => {
          using disk = await openVirtualDisk(ours, { backend: "portable", readOnly: false });
          await disk.compact({ freeSpace: true });
        },
      },
      {
        name: "virtdisk: convert with free space, blocks of 1 MiB",
        run: async () => {
          const options = { backend: "portable", blockSize: MiB, overwrite: true } as const;
          (await createVirtualDisk(anew, { ...options, source, freeSpace: true })).close();
        },
      },
    ],
  });
  const plain = dir.file("plain.vhdx");
  Deno.copyFileSync(source, plain);
  {
    using disk = await openVirtualDisk(plain, { backend: "portable", readOnly: false });
    await disk.compact();
  }
  const size = (path: string) => `${Math.round(Deno.statSync(path).size / 1e6)} MB`;
  console.log(
    `  the file: ${size(source)}; compacted by its format alone ${size(plain)}, with free space ${
      size(ours)
    }, ` +
      `written anew ${size(anew)}; by zerofree and qemu-img ${size(theirs)}`,
  );
}
