/** Small real images to be opened, and what their disks hold. */
import { join } from "@std/path";
import { type CreateOptions, createVirtualDisk } from "@virtdisk/virtdisk/portable";
import { pattern } from "../../support.ts";

const MIB = 2 ** 20;
export const SIZE = 3 * MIB;
/** What is written at the beginning and the end of each. */
const DATA = 64 * 2 ** 10;

/** An image. */
export interface LoadImage {
  readonly path: string;
  readonly type: "vhd" | "vhdx";
}

const KINDS: readonly (readonly [type: "vhd" | "vhdx", CreateOptions<"portable">])[] = [
  ["vhd", { size: SIZE, subtype: "fixed" }],
  ["vhd", { size: SIZE, blockSize: MIB / 2 }],
  ["vhdx", { size: SIZE, subtype: "fixed" }],
  ["vhdx", { size: SIZE, blockSize: MIB }],
];

/** One of each kind, and children of the dynamic ones. */
export async function makeImages(folder: string): Promise<LoadImage[]> {
  const images: LoadImage[] = [];
  for (const [number, [type, options]] of KINDS.entries()) {
    const path = join(folder, `base${number}.${type}`);
    images.push(await make(path, type, options));
    if (options.subtype === "fixed") continue;
    const child = join(folder, `child${number}.${type}`);
    images.push(await make(child, type, { parent: path }));
  }
  return images;
}

async function make(
  path: string,
  type: "vhd" | "vhdx",
  options: CreateOptions<"portable">,
): Promise<LoadImage> {
  using disk = await createVirtualDisk(path, options);
  disk.writeSync(pattern(DATA), 0);
  disk.writeSync(pattern(DATA), SIZE - DATA);
  return { path, type };
}

/** A chain of so many images, the base first; each holds what all before it do. */
export async function makeLongChain(folder: string, length: number): Promise<string[]> {
  const paths: string[] = [];
  for (let depth = 0; depth < length; depth++) {
    const path = join(folder, `chain${depth}.vhdx`);
    const parent = paths.at(-1);
    using disk = await createVirtualDisk(
      path,
      parent === undefined ? { size: SIZE, blockSize: MIB } : { parent, blockSize: MIB },
    );
    disk.writeSync(pattern(DATA, depth), depth * DATA);
    paths.push(path);
  }
  return paths;
}
