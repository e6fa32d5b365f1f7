/** NTFS volumes made by mkntfs, filled and emptied through ntfs-3g. */
import { Random } from "../../fuzz/random.ts";
import { awaitUnmounted, fuse, unmount } from "../../mounting.ts";
import { run, type TempDir, tool } from "../../support.ts";

/** What such volumes are made with. */
export const NTFS_TOOLS = [tool("mkntfs"), tool("ntfs-3g"), tool("ntfsinfo"), fuse];

/** What mkntfs is asked for. */
export interface NtfsVolumeOptions {
  readonly size: number;
  readonly clusterSize: number;
  readonly sectorSize?: number;
}

/** Makes a volume, and does something with it while it is mounted. */
export function makeNtfsVolume(
  dir: TempDir,
  name: string,
  { size, clusterSize, sectorSize = 512 }: NtfsVolumeOptions,
  fill?: (mounted: string) => void,
): string {
  const image = dir.file(name);
  Deno.writeFileSync(image, new Uint8Array(0), { createNew: true });
  Deno.truncateSync(image, size);
  run(
    "mkntfs",
    ...["-F", "-q", "-Q", "-T", "-p", "0", "-H", "0", "-S", "0"],
    ...["-s", `${sectorSize}`, "-c", `${clusterSize}`],
    image,
  );
  if (fill !== undefined) mounted(dir, image, fill);
  return image;
}

/** Does something with a volume while it is mounted. */
export function mounted(dir: TempDir, image: string, work: (folder: string) => void): void {
  const folder = dir.file("mounted");
  Deno.mkdirSync(folder, { recursive: true });
  run("ntfs-3g", image, folder);
  try {
    work(folder);
  } finally {
    unmount(folder);
  }
  awaitUnmounted(`ntfs-3g ${image}`);
}

/** Writes files of random lengths into directories, and deletes each third one. */
export function fillFolder(folder: string, length: number): void {
  const random = new Random(length);
  const count = 40;
  for (const name of ["one", "one/two"]) Deno.mkdirSync(`${folder}/${name}`);
  const places = [folder, `${folder}/one`, `${folder}/one/two`];
  const paths = Array.from({ length: count }, (_, i) => `${places[i % 3]}/a file with a name ${i}`);
  for (const path of paths) {
    const bytes = new Uint8Array(Math.floor(length / count * random.below(200) / 100));
    Deno.writeFileSync(path, bytes.fill(1 + random.below(255)));
  }
  paths.filter((_, i) => i % 4 === 1).forEach((path) => Deno.removeSync(path));
}
