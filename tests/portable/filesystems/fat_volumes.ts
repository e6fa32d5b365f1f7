/** FAT volumes made by mkfs.fat, filled and emptied by mtools. */
import { run, type TempDir, tool } from "../../support.ts";
import { Random } from "../../fuzz/random.ts";

/** What such volumes are made with. */
export const FAT_TOOLS = [tool("mkfs.fat"), tool("fsck.fat"), tool("mcopy")];

/** What mkfs.fat is asked for. */
export interface FatVolumeOptions {
  readonly size: number;
  /** 12, 16 or 32. */
  readonly bits: number;
  readonly sectorsPerCluster: number;
  readonly sectorSize?: number;
  readonly args?: readonly string[];
  /** Of its clusters, how much is to be written before some is deleted. */
  readonly fill?: number;
}

/** Makes a volume, fills it with files of random lengths in two directories, and deletes each third one. */
export function makeFatVolume(dir: TempDir, name: string, options: FatVolumeOptions): string {
  const { size, bits, sectorsPerCluster, sectorSize = 512, args = [], fill = 0.4 } = options;
  const image = dir.file(name);
  Deno.writeFileSync(image, new Uint8Array(0), { createNew: true });
  Deno.truncateSync(image, size);
  run(
    "mkfs.fat",
    ...["-F", `${bits}`, "-s", `${sectorsPerCluster}`, "-S", `${sectorSize}`],
    ...["-i", "20261129"],
    ...args,
    image,
  );
  if (fill > 0) fillFatVolume(dir, image, sectorsPerCluster * sectorSize, size * fill);
  return image;
}

function fillFatVolume(dir: TempDir, image: string, clusterSize: number, length: number): void {
  const random = new Random(length);
  const files = dir.file("files");
  Deno.mkdirSync(files, { recursive: true });
  const count = 30;
  const names = Array.from({ length: count }, (_, i) => `a file with a long name, ${i}.bin`);
  for (const name of names) {
    const bytes = new Uint8Array(
      Math.floor(length / count * random.below(200) / 100) + random.below(clusterSize),
    );
    bytes.fill(1 + random.below(255));
    Deno.writeFileSync(`${files}/${name}`, bytes);
  }
  Deno.writeFileSync(`${files}/empty`, new Uint8Array(0));
  const paths = names.map((name) => `${files}/${name}`);
  run("mmd", "-i", image, "::/one", "::/one/two");
  run("mcopy", "-i", image, ...paths.slice(0, 10), `${files}/empty`, "::/");
  run("mcopy", "-i", image, ...paths.slice(10, 20), "::/one");
  run("mcopy", "-i", image, ...paths.slice(20), "::/one/two");
  const place = ["::/", "::/one/", "::/one/two/"];
  const deleted = names.flatMap((name, i) =>
    i % 3 === 1 ? [`${place[Math.floor(i / 10)]}${name}`] : []
  );
  run("mdel", "-i", image, ...deleted);
  Deno.removeSync(files, { recursive: true });
}
