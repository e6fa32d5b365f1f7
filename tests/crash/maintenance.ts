/** Operations that take long enough to be killed, and the files that they work on. */
import { checkVirtualDisk, type PortableVirtualDisk } from "@virtdisk/virtdisk";
import { removeFile } from "../../src/portable/file/image_file.ts";
import { createImage } from "../create_image.ts";
import { MemoryDisk } from "../portable/partitions/partition_builder.ts";
import { exists, pattern } from "../support.ts";
import { createChain, openImage } from "../images.ts";

export const MIB = 2 ** 20;
export const SIZE = 24 * MIB;
/** What the tests write to: behind a table, and before its backup. */
export const DATA = { offset: MIB, length: SIZE - 2 * MIB } as const;
/** The smallest that both the public interface and the format take. */
const BLOCK_SIZES = { vhd: MIB / 2, vhdx: MIB } as const;
/** What differs between the files of a chain, in pieces of this size. */
const PIECE = MIB;
/** Far more than the table of a new disk has entries for. */
const GROWN = 2 ** 40;
const SMALLER = SIZE - MIB / 2;
/** So many small changes take as long as a large one. */
const ROUNDS = 6;

export type ImageType = "vhd" | "vhdx";

/** Files of a type in a folder, by their names without extension. */
export interface Images {
  readonly type: ImageType;
  path(name: string): string;
}

/** An operation. */
export interface Maintenance {
  readonly types: readonly ImageType[];
  /** The disk that it is done to; with what it was made from, the first. */
  readonly leaf: string;
  /** Makes the files; gives what `leaf` holds at `DATA`. */
  make(images: Images): Promise<Uint8Array>;
  /** Does it, or goes on with it; tells when it begins. */
  run(images: Images, begun: () => void): Promise<void>;
  /** Whether the disk has a GPT. */
  readonly isPartitioned?: boolean;
  /** The disk that has the contents where the leaf is gone. */
  readonly target?: string;
}

/** By name. */
export const MAINTENANCE: Readonly<Record<string, Maintenance>> = {
  grow: {
    types: ["vhd", "vhdx"],
    leaf: "disk",
    isPartitioned: true,
    make: (images) => makePartitioned(images, SIZE),
    run: resizing(GROWN),
  },
  shrink: {
    types: ["vhdx"],
    leaf: "disk",
    isPartitioned: true,
    make: (images) => makePartitioned(images, GROWN),
    run: resizing(SMALLER),
  },
  expand: {
    types: ["vhd", "vhdx"],
    leaf: "disk",
    isPartitioned: true,
    make: (images) => makePartitioned(images, SIZE, "fixed"),
    run: async (images, begun) => {
      using disk = await open(images, "disk");
      begun();
      // Where only the table is left to be moved, there is nothing to expand any more.
      const isLarger = disk.getInformation("size").virtualSize === 4 * SIZE;
      await (isLarger ? disk.resize(4 * SIZE) : disk.expand(4 * SIZE));
    },
  },
  compact: {
    types: ["vhd", "vhdx"],
    leaf: "2",
    make: makeChain,
    run: async (images, begun) => {
      using disk = await open(images, "2");
      begun();
      await disk.compact();
    },
  },
  merge: {
    types: ["vhd", "vhdx"],
    leaf: "2",
    target: "0",
    make: makeChain,
    run: async (images, begun) => {
      using disk = await open(images, "2");
      begun();
      await disk.merge({ depth: 2 });
    },
  },
  "merge and remove": {
    types: ["vhd", "vhdx"],
    leaf: "2",
    target: "0",
    make: makeChain,
    run: (images, begun) => mergeAway(images, begun, 1),
  },
  "merge and remove the middle": {
    types: ["vhd", "vhdx"],
    leaf: "2",
    make: makeChain,
    run: (images, begun) => mergeAway(images, begun, 2),
  },
  "merge into a new file": {
    types: ["vhd", "vhdx"],
    leaf: "2",
    target: "new",
    make: makeChain,
    run: async (images, begun) => {
      using disk = await open(images, "2", true);
      begun();
      if (!exists(images.path("new"))) await disk.merge({ into: images.path("new") });
    },
  },
  "re-parent": {
    types: ["vhd", "vhdx"],
    leaf: "1",
    make: async (images) => {
      const bytes = await makeChain(images, 1);
      Deno.copyFileSync(images.path("0"), images.path("other"));
      return bytes;
    },
    run: async (images, begun) => {
      using disk = await open(images, "1");
      begun();
      for (let round = 0; round < ROUNDS; round++) {
        for (const parent of ["other", "0"]) {
          disk.setInformation("parentPath", images.path(parent));
        }
      }
    },
  },
  repair: {
    types: ["vhd", "vhdx"],
    leaf: "0",
    make: (images) => makeChain(images, 0),
    run: async (images, begun) => {
      begun();
      for (let round = 0; round < ROUNDS; round++) {
        damage(images);
        await checkVirtualDisk(images.path("0"), { repair: true });
      }
    },
  },
};

/** Opens a disk. */
export function open(
  { path }: Images,
  name: string,
  readOnly = false,
): Promise<PortableVirtualDisk> {
  return openImage(path(name), readOnly);
}

function resizing(size: number): Maintenance["run"] {
  return async (images, begun) => {
    using disk = await open(images, "disk");
    begun();
    await disk.resize(size);
  };
}

/** Merges what is left of two children into their base; or of them the one in the middle. */
async function mergeAway(images: Images, begun: () => void, sourceDepth: number): Promise<void> {
  begun();
  if (!exists(images.path("2"))) return;
  using disk = await open(images, "2");
  const targetDepth = 1 + disk.parents.length;
  // The disk reads past it already, and it would be another child of the target.
  if (targetDepth === 2) removeFile(images.path("1"));
  if (targetDepth > sourceDepth) {
    await disk.merge({ sourceDepth, targetDepth, removeChild: true });
  }
}

/** The second copy of what the format keeps twice. */
function damage({ type, path }: Images): void {
  using file = Deno.openSync(path("0"), { write: true });
  file.seekSync(type === "vhd" ? 0 : 0x40000, Deno.SeekMode.Start);
  file.writeSync(new Uint8Array(512).fill(7));
}

/** A disk with a GPT whose only partition takes all of `DATA`. */
async function makePartitioned(
  images: Images,
  size: number,
  subtype: "dynamic" | "fixed" = "dynamic",
): Promise<Uint8Array> {
  const table = new MemoryDisk(SMALLER / 512);
  table.gpt([DATA.offset / 512, (DATA.offset + DATA.length) / 512 - 1]);
  const options = subtype === "dynamic" ? { blockSize: BLOCK_SIZES[images.type] } : {};
  using disk = await createImage(images.path("disk"), { size: SMALLER, subtype, ...options });
  const start = table.bytes.subarray(0, MIB / 2);
  disk.writeSync(start, 0);
  disk.writeSync(table.bytes.subarray(SMALLER - MIB / 2), SMALLER - MIB / 2);
  const bytes = pattern(DATA.length);
  disk.writeSync(bytes, DATA.offset);
  if (size > SMALLER) await disk.resize(size);
  return bytes;
}

async function makeChain({ type, path }: Images, last = 2): Promise<Uint8Array> {
  const bytes = new Uint8Array(SIZE);
  const paths = Array.from({ length: last + 1 }, (_, depth) => path(String(depth)));
  await createChain(paths, { size: SIZE, blockSize: BLOCK_SIZES[type] }, (disk, depth) => {
    for (let offset = 0; offset < SIZE; offset += PIECE) {
      const data = offset % (3 * PIECE) === 0
        ? bytes.slice(offset, offset + PIECE)
        : pattern(PIECE, depth);
      if (offset % (5 * PIECE) === 0) data.fill(0);
      disk.writeSync(data, offset);
      bytes.set(data, offset);
    }
  });
  return bytes.slice(DATA.offset, DATA.offset + DATA.length);
}
