/**
 * What is done with sparse disks, by how large they are and by how much of them is allocated: time is to follow what
 * is allocated, and not the size. A table has an entry for each block of the disk, so what goes through all of it
 * reads up to 16 MiB for 64 TiB in blocks of 32 MiB: Deno cannot ask where a file has holes.
 *
 * @module
 */
import { compareVirtualDisks, createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
import { E2FSPROGS, makeExt } from "../portable/filesystems/ext_images.ts";
import { pattern, TempDir } from "../support.ts";
import { compareLong, type LongContender } from "./measure.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** What is allocated unless it is said otherwise: four blocks of a VHDX, 64 of a VHD. */
const ALLOCATED = 128 * MIB;
/** Of these one byte in eight is data. */
const UNIT = 2 * MIB;
const DATA = UNIT / 8;

const FORMATS = {
  VHDX: { extension: "vhdx", sizes: [1, 64, 1024, 65_536], blockSize: 32 * MIB },
  VHD: { extension: "vhd", sizes: [1, 64, 1024, 2040], blockSize: 2 * MIB },
} as const;
type Format = keyof typeof FORMATS;
/** Of which more is allocated. */
const MIDDLE = 1024;

/** A disk: GiB, and bytes that its file has. */
interface Sparse {
  readonly size: number;
  readonly allocated: number;
}

/** Measures each operation on each format. */
export async function benchSparse(): Promise<void> {
  const missing = E2FSPROGS.map((need) => need()).find((each) => each !== undefined);
  if (missing !== undefined) return console.log(`\nSparse disks: not measured, ${missing}`);
  for (const format of Object.keys(FORMATS) as Format[]) {
    const sizes = FORMATS[format].sizes.map((size) => ({ size, allocated: ALLOCATED }));
    const amounts = [1, 2, 4].map((times) => ({ size: MIDDLE, allocated: times * ALLOCATED }));
    const [first, last] = [nameOf(sizes[0]!.size), nameOf(sizes.at(-1)!.size)];
    using dir = new TempDir();
    for (const [title, work] of Object.entries(WORK)) {
      await compareLong({
        title: `${title}: a ${format} with 128 MiB allocated, by its size`,
        operation: "disk",
        contenders: await contenders(dir, format, sizes, ({ size }) => nameOf(size), work),
        goals: [{ of: last, to: first, atMost: 1.3 }],
      });
      if (title === FREE_SPACE) continue;
      await compareLong({
        title: `${title}: a ${format} of 1 TiB, by what is allocated`,
        operation: "disk",
        contenders: await contenders(dir, format, amounts, amountOf, work),
        goals: [{ of: amountOf(amounts[2]!), to: amountOf(amounts[0]!), atMost: 4.4 }],
      });
    }
  }
}

function nameOf(size: number): string {
  return `virtdisk: ${size >= 1024 && size % 1024 === 0 ? `${size / 1024} TiB` : `${size} GiB`}`;
}

function amountOf({ allocated }: Sparse): string {
  return `virtdisk: ${allocated / MIB} MiB`;
}

/** What is done with a disk; what it is done to is made before. */
type Work = (disk: string, dir: TempDir, format: Format) => Omit<LongContender, "name">;

const FREE_SPACE = "Free space of an ext4 of 64 MiB";

const WORK: Readonly<Record<string, Work>> = {
  "Map": (path) => ({
    run: async () => {
      using disk = await openVirtualDisk(path, { backend: "portable" });
      let found = 0;
      for (const { kind, length } of disk.extents()) if (kind === "file") found += length;
      if (found < ALLOCATED) throw new Error(`only ${found} bytes are in the file`);
    },
  }),
  "Compare with a copy": (path, dir, format) => {
    const copy = dir.file(`copy.${FORMATS[format].extension}`);
    return {
      prepare: () => Deno.copyFileSync(path, copy),
      run: async () => {
        for await (const range of compareVirtualDisks(path, copy)) {
          throw new Error(`the copy differs at ${range.offset}`);
        }
      },
    };
  },
  "Compact": (path, dir, format) => {
    const copy = dir.file(`compacted.${FORMATS[format].extension}`);
    return {
      prepare: () => Deno.copyFileSync(path, copy),
      run: async () => {
        using disk = await openVirtualDisk(copy, { backend: "portable", readOnly: false });
        await disk.compact();
      },
    };
  },
  "Merge into a parent": (path, dir, format) => {
    const { extension } = FORMATS[format];
    const [parent, child] = [dir.file(`parent.${extension}`), dir.file(`child.${extension}`)];
    return {
      prepare: async () => {
        Deno.copyFileSync(path, parent);
        const options = { parent, overwrite: true, backend: "portable" } as const;
        using disk = await createVirtualDisk(child, options);
        using source = await openVirtualDisk(path, { backend: "portable" });
        const bytes = new Uint8Array(DATA);
        for (const { kind, offset, length } of source.extents()) {
          for (let at = offset; kind === "file" && at < offset + length; at += UNIT) {
            source.readSync(bytes, at);
            disk.writeSync(bytes, at);
          }
        }
      },
      run: async () => {
        using disk = await openVirtualDisk(child, { backend: "portable", readOnly: false });
        await disk.merge();
      },
    };
  },
  [FREE_SPACE]: (path, dir, format) => {
    const copy = dir.file(`formatted.${FORMATS[format].extension}`);
    return {
      prepare: async () => {
        Deno.copyFileSync(path, copy);
        using disk = await openVirtualDisk(copy, { backend: "portable", readOnly: false });
        const raw = dir.file("ext4.raw");
        makeExt(raw, 64 * MIB, "-t", "ext4", "-b", "4096");
        disk.writeSync(Deno.readFileSync(raw), 0);
      },
      run: async () => {
        using disk = await openVirtualDisk(copy, { backend: "portable" });
        const { freeBytes } = await disk.freeSpace();
        if (freeBytes === 0) throw new Error("nothing is free");
      },
    };
  },
};

async function contenders(
  dir: TempDir,
  format: Format,
  disks: readonly Sparse[],
  name: (disk: Sparse) => string,
  work: Work,
): Promise<LongContender[]> {
  const all: LongContender[] = [];
  for (const disk of disks) {
    all.push({ name: name(disk), ...work(await makeDisk(dir, format, disk), dir, format) });
  }
  return all;
}

/** A disk whose blocks lie all over it. */
async function makeDisk(
  dir: TempDir,
  format: Format,
  { size, allocated }: Sparse,
): Promise<string> {
  const { extension, blockSize } = FORMATS[format];
  const path = dir.file(`${size}-${allocated / MIB}.${extension}`);
  try {
    Deno.statSync(path);
    return path;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const options = { size: size * GIB, blockSize, backend: "portable" } as const;
  using disk = await createVirtualDisk(path, options);
  const count = allocated / blockSize;
  // Whole blocks apart, of which the first is the first of the disk.
  const step = Math.floor(size * GIB / blockSize / count) * blockSize;
  const bytes = pattern(DATA, 1);
  for (let block = 0; block < count; block++) {
    for (let at = 0; at < blockSize; at += UNIT) disk.writeSync(bytes, block * step + at);
  }
  return path;
}
