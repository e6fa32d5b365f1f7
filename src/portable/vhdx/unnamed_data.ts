/**
 * Data in a damaged VHDX that no entry of the block allocation table names. An entry that was overwritten with zeros
 * says that its block was never written; the block itself is still in the file.
 *
 * @module
 */
import { readable } from "../file/promised_end.ts";
import { type Damages, rangeHoldsData } from "../image/tolerant_image.ts";
import { BITMAP_BLOCK_LENGTH, PAYLOAD } from "./block_table.ts";
import { ownedPlace } from "./block_scan.ts";
import { MAX_FILE_SIZE, MIB } from "./file_map.ts";
import { SpaceMap } from "./space.ts";
import type { BlockTables, VhdxStructures } from "./structures.ts";

/** Bytes. A file may be full of holes, and seem longer than all disks are. */
const MAX_LOOKED_AT = 2 ** 30;
const NOT_LOOKED_AT = "Whether all data have an entry is not known.";
const MAY_BE_GIVEN_BACK =
  "Blocks were given back, whose data these may be; entries that were overwritten with zeros would look the same.";
const MAY_BE_WRITTEN =
  "Blocks that the table says were never written may have been: they are taken for lost.";

/** So many damaged entries are looked at: a table of which more are damaged proves nothing. */
const MAX_DAMAGED = 4096;

/** What there is to know of the file. */
interface Circumstances {
  /** Bytes. */
  readonly fileSize: number;
  /** Whether entries are missing that may name the data. */
  readonly isTableCut: boolean;
  readonly damages: Damages;
}

/** Looks for it when somebody asks, once. */
export class UnnamedData {
  readonly #structures: Pick<VhdxStructures, "source" | "regions" | "metadata" | "occupied">;
  readonly #tables: BlockTables;
  readonly #circumstances: Circumstances;
  #exists: boolean | undefined;

  constructor(
    structures: Pick<VhdxStructures, "source" | "regions" | "metadata" | "occupied">,
    tables: BlockTables,
    circumstances: Circumstances,
  ) {
    this.#structures = structures;
    this.#tables = tables;
    this.#circumstances = circumstances;
  }

  /**
   * Whether there is more of it than can have been given back, or was named by entries that are damaged: then every
   * block that seems never to have been written may have been.
   */
  get exists(): boolean {
    return this.#exists ??= this.#find();
  }

  #find(): boolean {
    const { fileSize, isTableCut } = this.#circumstances;
    if (isTableCut || fileSize > MAX_FILE_SIZE) return false;
    const { source, regions: { bat } } = this.#structures;
    const used = new SpaceMap();
    const explained = this.#markUsed(used);
    let count = 0;
    let looked = 0;
    for (const offset of this.#unnamedBlocks(used)) {
      if (looked > MAX_LOOKED_AT) {
        this.#tell(bat.offset, "more unused space than is looked at", NOT_LOOKED_AT);
        return false;
      }
      looked += this.#blockSize;
      if (!rangeHoldsData(source, offset, Math.min(offset + this.#blockSize, fileSize))) continue;
      if (++count <= explained.damaged + explained.givenBack) continue;
      this.#tell(bat.offset, `no entry for data at ${offset}`, MAY_BE_WRITTEN);
      return true;
    }
    if (count > explained.damaged) {
      this.#tell(bat.offset, `no entry for the data of ${count} blocks`, MAY_BE_GIVEN_BACK);
    }
    return false;
  }

  #tell(offset: number, found: string, consequence: string): void {
    this.#circumstances.damages.add({
      path: this.#structures.source.path,
      structure: "block allocation table",
      offset,
      found,
      expected: "an entry for each block in the file",
      consequence,
      isUncertain: true,
    });
  }

  get #blockSize(): number {
    return this.#structures.metadata.blockSize;
  }

  /** Marks what has a name; gives how many blocks may be in the file without one, and why. */
  #markUsed(used: SpaceMap): { damaged: number; givenBack: number } {
    const { metadata, occupied } = this.#structures;
    const { fileSize } = this.#circumstances;
    const end = Math.ceil(fileSize / MIB) * MIB;
    let [damaged, givenBack] = [0, 0];
    const mark = (offset: number, length: number) => {
      // What lies beyond the end, or where something else is, may really lie elsewhere.
      const isThere = offset < end &&
        used.take(offset / MIB, Math.min(length, end - offset) / MIB);
      if (!isThere) damaged++;
    };
    for (const { offset, length } of occupied) mark(offset, length);
    damaged = 0;
    const { table } = this.#tables;
    const ratio = table.chunkRatio;
    const entries = table.entriesInUse();
    // As many damaged entries as the file has room for blocks explain whatever is in it.
    const most = Math.min(MAX_DAMAGED, end / metadata.blockSize);
    while (true) {
      if (damaged > most) return { damaged: Infinity, givenBack };
      const next = readable(() => entries.next());
      // The rest of the table cannot be read.
      if (next === undefined) return { damaged: Infinity, givenBack };
      if (next.done) return { damaged, givenBack };
      const chunk = Math.floor(next.value / (ratio + 1));
      const inChunk = next.value % (ratio + 1);
      if (inChunk === ratio) {
        const offset = metadata.hasParent
          ? readable(() => table.bitmapIfPresent(chunk))
          : undefined;
        if (offset === undefined) damaged++;
        else mark(offset, BITMAP_BLOCK_LENGTH);
        continue;
      }
      const block = chunk * ratio + inChunk;
      if (block * metadata.blockSize >= metadata.virtualSize) continue;
      const entry = readable(() => table.payload(block));
      const offset = entry === undefined ? 0 : ownedPlace(entry);
      if (offset !== 0) mark(offset, metadata.blockSize);
      else if (entry === undefined) damaged++;
      else if (entry.state !== PAYLOAD.NOT_PRESENT && entry.state !== PAYLOAD.ZERO) givenBack++;
    }
  }

  /** Where there is room for a block that nobody has. */
  *#unnamedBlocks(used: SpaceMap): Generator<number> {
    const { fileSize } = this.#circumstances;
    const count = this.#blockSize / MIB;
    const end = Math.ceil(fileSize / MIB);
    for (let first = 0; first < end;) {
      if (used.has(first)) {
        first++;
        continue;
      }
      let next = first + 1;
      while (next < end && next < first + count && !used.has(next)) next++;
      // The last one may have been cut off.
      if (next === first + count || next === end) yield first * MIB;
      first = next;
    }
  }
}
