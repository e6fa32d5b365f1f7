/** Disks to be converted, and what other programs see in the results. */
import { fileHash, pattern, run, type TempDir } from "../support.ts";
import { createChain } from "../images.ts";

const MIB = 1 << 20;
/** No whole number of any block size. */
export const DISK_SIZE = 41 * MIB;

/** What the disk holds: at the beginning, across block boundaries, in small pieces, at the very end. */
export const PIECES: readonly { readonly offset: number; readonly length: number }[] = [
  { offset: 0, length: 4096 },
  { offset: 2 * MIB - 512, length: 1024 },
  { offset: 9 * MIB + 512, length: 512 },
  { offset: 16 * MIB, length: 5 * MIB },
  { offset: DISK_SIZE - 512, length: 512 },
];

/** Writes the disk as a sparse raw file; gives its path. */
export function makeRawDisk(dir: TempDir): string {
  const path = dir.file("disk.raw");
  using file = Deno.openSync(path, { write: true, createNew: true });
  file.truncateSync(DISK_SIZE);
  for (const { offset, length } of PIECES) {
    file.seekSync(offset, Deno.SeekMode.Start);
    file.writeSync(pattern(length, offset));
  }
  return path;
}

/** The names of a format here, in qemu-img, and as a file extension. */
export const QEMU_FORMAT = { vhd: "vpc", vhdx: "vhdx", raw: "raw" } as const;

/** Converts by qemu-img. */
export function qemuConvert(raw: string, target: string, format: string, options: string): void {
  const more = options === "" ? [] : ["-o", options];
  run("qemu-img", "convert", "-f", "raw", "-O", format, ...more, raw, target);
}

/** The SHA-256 of the disk that QEMU sees. */
export function qemuHash(path: string, format: string, dir: TempDir): string {
  const raw = dir.file("qemu.raw");
  run("qemu-img", "convert", "-f", format, "-O", "raw", path, raw);
  const hash = fileHash(raw);
  Deno.removeSync(raw);
  return hash;
}

/** How many bytes of the disk qemu-img finds stored. */
export function qemuStoredBytes(path: string, format: string): number {
  const output = run("qemu-img", "map", "--output=json", "-f", format, path);
  const extents: { length: number; data: boolean; zero: boolean }[] = JSON.parse(output);
  return extents.filter(({ data, zero }) => data && !zero)
    .reduce((sum, { length }) => sum + length, 0);
}

/** A chain of two differencing disks over a dynamic one, which together hold the disk; gives the leaf. */
export async function makeChain(dir: TempDir, type: "vhd" | "vhdx"): Promise<string> {
  const paths = ["base", "middle", "leaf"].map((name) => dir.file(`${name}.${type}`));
  await createChain(paths, { size: DISK_SIZE }, (disk, depth) => {
    for (const [n, { offset, length }] of PIECES.entries()) {
      // Each image has its share; what a parent holds below a child's is something else.
      if (n % 3 === depth) disk.writeSync(pattern(length, offset), offset);
      else if (n % 3 > depth) disk.writeSync(pattern(length, 7), offset);
    }
  });
  return paths[2]!;
}
