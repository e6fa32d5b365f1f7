/**
 * An open disk as the protocol sees it: a size, what may be done with it, where its bytes are.
 *
 * @module
 */
import type { DiskRange, Extent, PortableVirtualDisk, ProviderSubtype } from "../../portable.ts";
import { ALLOCATION, TRANSMISSION_FLAG } from "./protocol.ts";

/**
 * What a disk must give to be served; every open disk of the portable backend does.
 *
 * @category Serving
 */
export type ServableDisk =
  & Pick<
    PortableVirtualDisk,
    | "flushSync"
    | "format"
    | "getInformation"
    | "parents"
    | "path"
    | "readOnly"
    | "readSync"
    | "size"
    | "trimSync"
    | "writeSync"
    | "zeroSync"
  >
  & { extents(range?: DiskRange): Iterable<Extent> };

/** What is told of each piece of a disk, under a name that clients ask for. */
export interface Context {
  /** By which descriptors name it; it is the same on every connection. */
  readonly id: number;
  readonly name: string;
  /** What the descriptor of a piece says. */
  describe(disk: ServedDisk, extent: Extent): number;
}

/** Which file of the chain has a piece: 0 none, 1 the image itself, 2 its parent, and so on. */
function depth(disk: ServedDisk, extent: Extent): number {
  if (extent.kind === "zero" || extent.kind === "lost") return 0;
  return extent.path === undefined ? 0 : disk.depthOf(extent.path);
}

/** Everything that is told, by the names that are in use. */
export const CONTEXTS: readonly Context[] = [
  {
    id: 1,
    name: "base:allocation",
    describe: (_disk, { kind }) => kind === "zero" ? ALLOCATION.HOLE | ALLOCATION.ZERO : 0,
  },
  { id: 2, name: "x-virtdisk:depth", describe: depth },
  // QEMU's name of the same, which qemu-img asks for.
  { id: 3, name: "qemu:allocation-depth", describe: depth },
];

/** A disk under a name. */
export class ServedDisk {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly disk: ServableDisk;
  /** Whether nothing can be written. */
  readonly readOnly: boolean;
  /** Bytes; 0 if blocks cannot be given back, so that their number says nothing. */
  readonly reclaimableBlock: number;
  readonly #depths: ReadonlyMap<string, number>;

  /** @param readOnly Whether nothing is written, even if the disk was opened for it. */
  constructor(name: string, disk: ServableDisk, readOnly: boolean) {
    this.name = name;
    this.disk = disk;
    this.size = disk.size;
    this.readOnly = readOnly || disk.readOnly;
    const subtype = subtypeOf(disk);
    // A child of the old format has no state that hides its parent.
    const canGiveBack = subtype === "dynamic" ||
      subtype === "differencing" && disk.format === "vhdx";
    this.reclaimableBlock = canGiveBack ? disk.getInformation("size").blockSize : 0;
    this.#depths = new Map([disk.path, ...disk.parents].map((path, i) => [path, i + 1]));
  }

  /** The number of a file in the chain, the image itself being 1. */
  depthOf(path: string): number {
    return this.#depths.get(path) ?? 0;
  }

  /** What a person sees of it in a list. */
  get description(): string {
    const subtype = subtypeOf(this.disk);
    return subtype === "unknown" ? this.disk.format : `${subtype} ${this.disk.format}`;
  }

  /** What a client may do. Flags of structured replies are for those who have agreed on them. */
  flags(isStructured: boolean): number {
    const {
      HAS_FLAGS,
      READ_ONLY,
      SEND_FLUSH,
      SEND_FUA,
      SEND_TRIM,
      SEND_WRITE_ZEROES,
      SEND_DF,
      CAN_MULTI_CONN,
      SEND_CACHE,
      SEND_FAST_ZERO,
    } = TRANSMISSION_FLAG;
    return HAS_FLAGS | SEND_FLUSH | SEND_FUA | CAN_MULTI_CONN | SEND_CACHE |
      (isStructured ? SEND_DF : 0) |
      (this.readOnly ? READ_ONLY : SEND_TRIM | SEND_WRITE_ZEROES | SEND_FAST_ZERO);
  }

  /** Whether a range can become zeros without writing any. */
  zeroesFast(offset: number, length: number): boolean {
    const end = offset + length;
    const [first, last] = this.wholeBlocks(offset, end);
    return this.#isZero(offset, first) && this.#isZero(last, end);
  }

  /** Where the blocks of a range begin and end that can be given back; both are its end if there are none. */
  wholeBlocks(offset: number, end: number): [first: number, last: number] {
    const block = this.reclaimableBlock;
    if (block === 0) return [end, end];
    const first = Math.min(end, Math.ceil(offset / block) * block);
    return [first, end === this.size ? end : Math.max(first, Math.floor(end / block) * block)];
  }

  #isZero(start: number, end: number): boolean {
    if (start >= end) return true;
    for (const { kind } of this.disk.extents({ offset: start, length: end - start })) {
      if (kind !== "zero") return false;
    }
    return true;
  }
}

/** `"unknown"` for what has none: ISO images and raw disks. */
function subtypeOf(disk: ServableDisk): ProviderSubtype {
  if (disk.format !== "vhd" && disk.format !== "vhdx") return "unknown";
  return disk.getInformation("providerSubtype");
}
