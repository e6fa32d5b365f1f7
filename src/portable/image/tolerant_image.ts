/**
 * An image that is read in spite of its damage: what its own reader refuses is lost, and no more than that.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import type { AssumedSizes, DamageFinding, LossReason } from "../../disk/damage.ts";
import type { ProviderSubtype } from "../../disk/information.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { ImageError, isDamage } from "../file/image_error.ts";
import type { DiskImage, ImageExtent, ParentLink } from "./image.ts";

/** A damaged file may have thousands of things that are wrong. */
const MAX_FINDINGS = 1000;

/** Collects what is wrong with the structures of damaged files. */
export class Damages {
  /** What its user says that the file no longer says. */
  readonly assumed: AssumedSizes;
  readonly #findings: DamageFinding[] = [];

  constructor(assumed: AssumedSizes = {}) {
    this.assumed = assumed;
  }

  /** At most 1000. */
  get findings(): readonly DamageFinding[] {
    return this.#findings;
  }

  /** Takes a finding. */
  add(finding: Omit<DamageFinding, "isUncertain"> & { readonly isUncertain?: boolean }): void {
    if (this.#findings.length >= MAX_FINDINGS) return;
    this.#findings.push({ isUncertain: false, ...finding });
  }

  /** Takes all of another collection. */
  addAll(others: Damages): void {
    for (const finding of others.findings) this.add(finding);
  }

  /**
   * Takes an error of a reader.
   *
   * @param consequence What has been done about it: a sentence.
   * @throws {ImageError} What is no damage: the file cannot be read.
   */
  addError(error: ImageError, consequence: string, isUncertain = false): void {
    const { detail, path } = error.options;
    if (detail === undefined) throw error;
    const { structure, offset, expected } = detail;
    const found = String(detail.found);
    this.add({ path: path ?? "", structure, offset, found, expected, consequence, isUncertain });
  }

  /**
   * What a reader gives; `undefined` if what it reads is damaged.
   *
   * @param consequence As of {@linkcode Damages.addError}.
   * @throws {ImageError} What is no damage.
   */
  attempt<T>(run: () => T, consequence: string, isUncertain = false): T | undefined {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      this.addError(error, consequence, isUncertain);
      return undefined;
    }
  }
}

/** How an image is read in spite of its damage. */
export interface Toleration {
  /** Reads the structures through a source that seems to have no end. */
  readonly image: DiskImage;
  /** Where its `file` extents lie, with the end that the file has. */
  readonly source: ByteSource;
  /** Bytes of the disk; the image may be shorter if its table is. Whole sectors. */
  readonly virtualSize: number;
  /** Why something is lost that the image's own reader refuses. */
  lossOf(error: ImageError): LossReason;
  /** How many bytes of the range there are, from its beginning on; or, if there are none, 0. */
  present(fileOffset: number, length: number): number;
  /** How many bytes of a range that is not there are followed by one that is; by default all of them. */
  missing?(fileOffset: number, length: number): number;
  /** `undefined` if the file no longer says. */
  readonly identifier: string | undefined;
  /** As `identifier`. */
  readonly virtualDiskId: string | undefined;
  /** Whether user metadata can be read. */
  readonly hasMetadata: boolean;
}

/** An image of which parts may be lost. It is for reading alone. */
export class TolerantImage implements DiskImage {
  readonly format: DiskImage["format"];
  readonly subtype: ProviderSubtype;
  readonly source: ByteSource;
  readonly virtualSize: number;
  readonly blockSize: number;
  readonly logicalSectorSize: number;
  readonly physicalSectorSize: number;
  readonly identifier: string | undefined;
  readonly virtualDiskId: string | undefined;
  readonly parent: ParentLink | undefined;
  readonly hasDirtyLog: boolean;
  readonly metadata?: NonNullable<DiskImage["metadata"]>;
  readonly #image: DiskImage;
  readonly #toleration: Toleration;
  #isOrphan = false;
  /** Where the last block ends that was lost: the next one is likely to be lost too. */
  #lostUntil = -1;

  constructor(toleration: Toleration) {
    const { image, source, virtualSize, identifier, virtualDiskId } = toleration;
    this.format = image.format;
    this.subtype = image.subtype;
    this.source = source;
    this.virtualSize = virtualSize;
    this.blockSize = image.blockSize;
    this.logicalSectorSize = image.logicalSectorSize;
    this.physicalSectorSize = image.physicalSectorSize;
    this.identifier = identifier;
    this.virtualDiskId = virtualDiskId;
    this.parent = image.parent;
    this.hasDirtyLog = image.hasDirtyLog ?? false;
    if (toleration.hasMetadata && image.metadata !== undefined) this.metadata = image.metadata;
    this.#image = image;
    this.#toleration = toleration;
  }

  /** There is no parent: what is in it is lost. */
  loseParent(): void {
    this.#isOrphan = true;
  }

  extent(offset: number, end: number): ImageExtent {
    const limit = Math.min(end, this.#image.virtualSize);
    if (offset >= limit) return { kind: "lost", offset, length: end - offset, reason: "table" };
    const blockEnd = this.blockSize === 0 ? limit : nextMultiple(offset, this.blockSize);
    const isNear = offset === this.#lostUntil;
    const extent = this.#readable(offset, isNear ? Math.min(limit, blockEnd) : limit);
    if (extent.kind === "lost") this.#lostUntil = offset + extent.length;
    if (extent.kind === "parent" && this.#isOrphan) {
      return { ...extent, kind: "lost", reason: "parent" };
    }
    return extent.kind === "file" ? this.#inFile(extent) : extent;
  }

  is4kAligned(): boolean {
    try {
      return this.#image.is4kAligned();
    } catch (error) {
      if (isDamage(error)) return false;
      throw error;
    }
  }

  #readable(offset: number, end: number): ImageExtent {
    try {
      return this.#image.extent(offset, end);
    } catch (error) {
      if (!isDamage(error)) throw error;
      // The damage may lie behind the first block, or behind the first part of its bitmap.
      const block = this.blockSize === 0 ? end : nextMultiple(offset, this.blockSize);
      if (block < end) return this.#readable(offset, block);
      const reason = this.#toleration.lossOf(error);
      const lost = { kind: "lost", offset, length: end - offset, reason } as const;
      return reason === "bitmap" ? this.#longestReadable(offset, end) ?? lost : lost;
    }
  }

  /** A bitmap may be readable up to some sector. */
  #longestReadable(offset: number, end: number): ImageExtent | undefined {
    const sector = this.logicalSectorSize;
    let longest: ImageExtent | undefined;
    let low = 0;
    let high = Math.ceil((end - offset) / sector);
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      try {
        longest = this.#image.extent(offset, offset + middle * sector);
        low = middle;
      } catch (error) {
        if (!isDamage(error)) throw error;
        high = middle;
      }
    }
    return longest;
  }

  #inFile(extent: ImageExtent & { readonly kind: "file" }): ImageExtent {
    const { offset, length, fileOffset } = extent;
    const present = this.#toleration.present(fileOffset, length);
    if (present > 0) return { ...extent, length: present };
    const missing = this.#toleration.missing?.(fileOffset, length) ?? length;
    return { kind: "lost", offset, length: missing, reason: "cut-off" };
  }
}

function nextMultiple(offset: number, unit: number): number {
  return (Math.floor(offset / unit) + 1) * unit;
}

/** A file, with the end that it has, of which the bytes are read in another way. */
export function withEnd(source: ByteSource, size: number): ByteSource {
  return {
    path: source.path,
    origin: source.origin,
    size,
    readAt: (buffer, offset) => source.readAt(buffer, offset),
  };
}

const PIECE = 2 ** 20;

/** Whether there is something else than zeros between two places of a file, as far as the file goes. */
export function rangeHoldsData(source: ByteSource, start: number, end: number): boolean {
  const buffer = new Uint8Array(Math.min(PIECE, Math.max(0, end - start)));
  for (let position = start; position < end; position += PIECE) {
    const piece = buffer.subarray(0, Math.min(PIECE, end - position));
    const count = source.readAt(piece, position);
    if (!isAllZero(piece.subarray(0, count))) return true;
    if (count < piece.length) return false;
  }
  return false;
}
