/** The disk that is read: the same bytes as a flat file, as a dynamic VHD and as a dynamic VHDX. */
import { createVirtualDisk } from "@virtdisk/virtdisk";
import { run, type TempDir, writeAll } from "../support.ts";

const MIB = 1 << 20;
/** Bytes. */
export const DISK_SIZE = 1024 * MIB;
/** The first half holds data, the second nothing. */
export const DATA_SIZE = DISK_SIZE / 2;
const CHUNK = 32 * MIB;

/** An image, and what other programs call its format. */
export interface BenchImage {
  readonly name: "VHDX" | "VHD";
  readonly path: string;
  readonly qemuFormat: "vhdx" | "vpc";
}

/** Writes the flat file, every byte of it, and returns its path. The first half holds data. */
export function makeFlatFile(dir: TempDir, size = DISK_SIZE): string {
  const path = dir.file("flat.raw");
  using file = Deno.openSync(path, { write: true, createNew: true });
  const words = new Uint32Array(CHUNK / Uint32Array.BYTES_PER_ELEMENT);
  const zeros = new Uint8Array(CHUNK);
  for (let offset = 0; offset < size; offset += CHUNK) {
    const hasData = offset < size / 2;
    // Odd multiples of an odd constant: no word, and so no block, is zero.
    if (hasData) words.forEach((_, i) => words[i] = Math.imul(offset + 2 * i + 1, 0x9e3779b1));
    writeAll(file, hasData ? new Uint8Array(words.buffer) : zeros);
  }
  return path;
}

/** Converts the flat file into dynamic images; qemu-img checks that they hold the same bytes. */
export function makeImages(dir: TempDir, flat: string): BenchImage[] {
  const images: BenchImage[] = [
    { name: "VHDX", path: dir.file("disk.vhdx"), qemuFormat: "vhdx" },
    { name: "VHD", path: dir.file("disk.vhd"), qemuFormat: "vpc" },
  ];
  for (const { path, qemuFormat } of images) {
    const subformat = qemuFormat === "vpc"
      ? "subformat=dynamic,force_size=on"
      : "subformat=dynamic";
    run("qemu-img", "convert", "-f", "raw", "-O", qemuFormat, "-o", subformat, flat, path);
    run("qemu-img", "compare", "-q", "-f", "raw", "-F", qemuFormat, flat, path);
  }
  return images;
}

/**
 * Children on an image, so that the chain has so many files and holds the same bytes: what is read is spread evenly
 * over all of them.
 *
 * @param reads Where what is read begins, each `length` bytes.
 * @returns The path of the last child.
 */
export async function makeChain(
  dir: TempDir,
  image: BenchImage,
  flat: string,
  files: number,
  { length, offsets }: { readonly length: number; readonly offsets: readonly number[] },
): Promise<string> {
  using file = Deno.openSync(flat);
  const bytes = new Uint8Array(length);
  let parent = image.path;
  for (let depth = 1; depth < files; depth++) {
    const path = dir.file(`child-${depth}.${image.name.toLowerCase()}`);
    using child = await createVirtualDisk(path, { parent, backend: "portable" });
    for (let i = depth; i < offsets.length; i += files) {
      file.seekSync(offsets[i]!, Deno.SeekMode.Start);
      file.readSync(bytes);
      child.writeSync(bytes, offsets[i]!);
    }
    parent = path;
  }
  return parent;
}
