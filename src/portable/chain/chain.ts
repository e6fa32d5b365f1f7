/**
 * Differencing chains: from a child to the last of its ancestors, each found, checked and opened.
 *
 * @module
 */
import type { AssumedSizes } from "../../disk/damage.ts";
import type { HostSource } from "../../disk/disk_source.ts";
import type { OpenFile, WritableSource } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import { fileIdentity } from "../file/image_file.ts";
import { isLackOfRoom } from "../file/write_failures.ts";
import { DryRunFile } from "../file/dry_run_file.ts";
import { FetchedFile, whenFetched } from "../file/fetched_file.ts";
import { assertNotFetched, closeFetched, openSourceFiles } from "../file/sources.ts";
import { formatOf, type ImageFormat, openImage, openWritableImage } from "../formats.ts";
import { ChainReader } from "../image/chain_reader.ts";
import type { DiskImage, ParentSpec, WritableImage } from "../image/image.ts";
import type { Damages } from "../image/tolerant_image.ts";
import {
  type AncestorOptions,
  assertNoCycle,
  type ChainSource,
  closeUnlessGiven,
  isExpectedParent,
  type Link,
  openAncestors,
  openChainFile,
  openParentAt,
} from "./ancestors.ts";
import type { DamagedFiles } from "./damaged_files.ts";
import { type ParentCandidate, parentCandidates } from "./parent_paths.ts";

/** How to open a chain. */
export interface ChainOptions extends AncestorOptions {
  /** The child's format where the caller names it. */
  readonly format: ImageFormat | undefined;
  /** Open the child alone. */
  readonly noParents: boolean;
  /** Parents are added by hand. */
  readonly isCustom?: boolean;
  /** As `WritableImage.keepSectorsWhole()`. */
  readonly atomicSectors?: boolean;
}

/** Another parent for an image. */
export interface NewParent {
  readonly path: string;
  readonly ignoreMismatch: boolean;
  /** Whether the image reads the same through it. */
  readonly isSameDisk: boolean;
  /** Whether it is only found out whether it could be. */
  readonly dryRun: boolean;
  /** May refuse a change after which children no longer know the image. */
  beforeDiskChange(image: DiskImage): void;
  /** How the image is to name it. */
  specOf(parent: DiskImage): ParentSpec;
}

/** A child and its ancestors. */
export class ImageChain implements ResizableChain, Disposable {
  readonly #options: ChainOptions;
  #files: readonly OpenFile[] = [];
  #isFetched = false;
  #images: [DiskImage, ...DiskImage[]];
  #writable: WritableImage | undefined;
  /** Of these images; another one once any of them is another. */
  #reader: ChainReader | undefined;

  private constructor(
    links: readonly [Link, ...Link[]],
    writable: WritableImage | undefined,
    options: ChainOptions,
  ) {
    // Where a chain is changed, it is by paths: what was given is not asked for again.
    this.#options = { ...options, parents: undefined };
    this.#writable = writable;
    this.#useFiles(links.map(({ file }) => file));
    this.#images = [links[0].image, ...links.slice(1).map(({ image }) => image)];
  }

  /**
   * @throws {ImageError} As OpenVirtualDisk fails for a file, an image or a parent.
   */
  static open(source: ChainSource, options: ChainOptions): ImageChain {
    const isWriter = options.writableDepth > 0;
    const file = openChainFile(source, isWriter ? { write: true } : { sharing: options.sharing });
    try {
      const writable = isWriter ? openChild(file, options.format, options) : undefined;
      const child = { file, image: writable ?? readChild(file, options) };
      const ancestors = options.noParents ? [] : openAncestors([child], options);
      return new ImageChain([child, ...ancestors], writable, options);
    } catch (error) {
      closeUnlessGiven(file, source);
      throw error;
    }
  }

  /** What is wrong with the files; `undefined` if they were opened as sound ones. */
  get damages(): Damages | undefined {
    return this.#options.damaged?.damages;
  }

  /** The child first. */
  get images(): readonly [DiskImage, ...DiskImage[]] {
    return this.#images;
  }

  /** Reads what the disk holds. */
  get reader(): ChainReader {
    return this.#reader ??= new ChainReader(this.#images, this.#askedCount);
  }

  /** The child, where it was opened for writing. */
  get writable(): WritableImage | undefined {
    return this.#writable;
  }

  /** Whether the bytes of one of the files are fetched, so that what reads them is done through `whenFetched`. */
  get isFetched(): boolean {
    return this.#isFetched;
  }

  /** A writer changes the child alone. Of damaged files nothing is relied on that is not read. */
  get #askedCount(): number {
    if (this.damages !== undefined) return this.#images.length;
    return this.#writable === undefined ? 0 : 1;
  }

  #useFiles(files: readonly OpenFile[]): void {
    this.#files = files;
    this.#isFetched = files.some((file) => file instanceof FetchedFile);
  }

  /** How many files, from the child on, are open for writing. */
  get writableDepth(): number {
    return this.#options.writableDepth;
  }

  /** Where the child's parent may be, in the order in which it is looked for. */
  get candidates(): ParentCandidate[] {
    const { parent, source } = this.image;
    if (parent === undefined) return [];
    // What has no path has no place from which the others could be found.
    return source.origin === undefined
      ? parentCandidates(source.path, parent, this.#options.ignoreRelative)
      : parent.locators.map((locator) => ({
        locator,
        path: undefined,
        refusal: "is not looked for",
        isForeign: false,
      }));
  }

  /** The child. */
  get image(): DiskImage {
    return this.#images[0];
  }

  /**
   * Gives the child, which was opened for writing, another size.
   *
   * @throws {ImageError} As `Resizing.run()` of the format.
   */
  resize(writable: WritableImage, virtualSize: number): void {
    writable.finish();
    try {
      const parentSize = this.#images[1]?.virtualSize ?? 0;
      formatOf(writable).resizing?.run(this.#files[0]!, { virtualSize, parentSize });
    } finally {
      this.#readAnew();
    }
  }

  /**
   * Lends the child's file to `run`, as a clean close leaves it, and reads the child anew afterwards. The
   * chain is not to be used meanwhile, but for its parents. For a dry run, what is lent keeps its changes in
   * memory.
   */
  async rework<T>(
    run: (file: WritableSource) => Promise<T>,
    { dryRun = false }: { readonly dryRun?: boolean } = {},
  ): Promise<T> {
    this.#writable?.finish();
    try {
      const file = this.#files[0]!;
      return await run(dryRun ? new DryRunFile(file) : file);
    } finally {
      this.#readAnew();
    }
  }

  /**
   * As {@linkcode ImageChain.rework}, with the parents closed meanwhile, so that they can be written.
   */
  async lend<T>(run: (file: WritableSource) => Promise<T>): Promise<T> {
    const parents = this.#images.slice(1);
    this.#replaceAncestors(1, []);
    try {
      return await this.rework(run);
    } finally {
      if (!this.#files[0]!.hasFailed) this.#reopen(parents);
    }
  }

  /**
   * Adds a parent to the last image of a chain that is made by hand.
   *
   * @throws {ImageError} As OpenVirtualDisk fails for a file or a parent; `ERROR_INVALID_PARAMETER` where
   * the chain is none of these, `ERROR_VHD_INVALID_TYPE` where it is complete.
   */
  addParent(path: string): void {
    const last = this.#images.at(-1)!;
    if (!this.#options.isCustom) {
      throw new ImageError("ERROR_INVALID_PARAMETER", {
        path: this.image.source.path,
        reason: 'the disk was not opened with the flag "custom-diff-chain"',
      });
    }
    if (last.parent === undefined) {
      throw new ImageError("ERROR_VHD_INVALID_TYPE", {
        path: last.source.path,
        reason: "the chain is complete: this image has no parent",
      });
    }
    const parent = openParentAt(this.#linksTo(this.#images.length), path, undefined, this.#options);
    this.#replaceAncestors(this.#images.length, [parent]);
  }

  /**
   * Opens another parent for an image of the chain, has the link to it stored, and reads through it
   * thereafter; for a dry run neither.
   *
   * @param depth Of the image, which was opened for writing, unless it is a dry run: 1 is the child.
   * @throws {ImageError} As OpenVirtualDisk fails for a file or a parent; nothing has been written then.
   */
  rebase(
    depth: number,
    { path, ignoreMismatch, isSameDisk, dryRun, beforeDiskChange, specOf }: NewParent,
  ): void {
    const name = ({ image: parent, file }: Link) => {
      const child = this.#images[depth - 1]!;
      if (!isSameDisk && !isExpectedParent(child, parent)) beforeDiskChange(child);
      if (dryRun) return this.#tryRebase(depth, specOf(parent));
      // A child must not outlive what it says of its parent.
      file.flush();
      this.rebaseTo(depth, specOf(parent), isSameDisk);
    };
    const former = this.#images[depth];
    const isOpen = former !== undefined && this.#files[depth]!.identity() === fileIdentity(path);
    if (isOpen && (ignoreMismatch || isExpectedParent(this.#images[depth - 1]!, former))) {
      return name({ image: former, file: this.#files[depth]! });
    }
    // What is open there may be the new parent or one of its own, and open for writing: in its own way.
    const others = this.#images.slice(depth);
    this.#replaceAncestors(depth, []);
    const ancestors: Link[] = [];
    let isStored = false;
    try {
      const links = this.#linksTo(depth);
      const options = { ...this.#options, ignoreMismatch };
      const parent = openParentAt(links, path, undefined, options);
      ancestors.push(parent);
      if (this.#options.noParents) assertNoCycle([...links, parent], options);
      else ancestors.push(...openAncestors([...links, parent], this.#options));
      name(parent);
      isStored = !dryRun;
    } finally {
      if (!isStored) {
        for (const { file } of ancestors) file.close();
        this.#reopen(others);
      }
    }
    if (this.#options.noParents) ancestors[0]!.file.close();
    else if (!dryRun) this.#replaceAncestors(depth, ancestors);
  }

  /**
   * Stores another link in an image of the chain, which was opened for writing.
   *
   * @param depth Of the image: 1 is the child.
   * @param isSameDisk As of `WritableImage.rebase()`.
   * @throws {ImageError} As that.
   */
  rebaseTo(depth: number, parent: ParentSpec, isSameDisk = false): void {
    if (depth === 1) return this.#writable?.rebase?.(parent, isSameDisk);
    const file = this.#files[depth - 1]!;
    const { format } = this.#images[depth - 1]!;
    const image = openWritableImage(file, format);
    image.rebase?.(parent, isSameDisk);
    image.finish();
    this.#replaceImage(depth, openImage(file, format));
  }

  /**
   * Changes what the child holds; if there is no room for it, that can be done again, and other changes as well.
   */
  retryable<T>(run: () => T): T {
    return this.#files[0]!.retryable(run);
  }

  /**
   * Makes the child durable as it is read now, though whoever wrote it has not: what relies on it is not to outlive it.
   *
   * @throws {ImageError} As flushing the file fails.
   */
  makeDurable(): void {
    this.#files[0]!.flush();
  }

  /**
   * Leaves the child's file as a clean close does, and closes all files.
   *
   * @throws {ImageError} Where the last writes fail. Of a file that is not written any more the caller knows.
   */
  close(): void {
    try {
      if (this.#files[0]?.hasFailed === false) this.#writable?.finish();
    } finally {
      for (const file of this.#files) file.close();
    }
  }

  /**
   * As {@linkcode ImageChain.close}, at the end of a scope, which may have ended by an error. Of a lack of room that was
   * told before nothing is said, as it would hide that.
   */
  [Symbol.dispose](): void {
    const isKnown = this.#files[0]?.lacksRoom;
    try {
      this.close();
    } catch (error) {
      if (!isKnown || !isLackOfRoom(error)) throw error;
    }
  }

  /**
   * Opens the child anew, whose file has changed beneath it. Where a write has failed, what the file holds is
   * uncertain, and nothing more is written to it.
   */
  #readAnew(): void {
    const file = this.#files[0]!;
    if (this.#writable === undefined || file.hasFailed) return;
    this.#writable = openChild(file, this.image.format, this.#options);
    this.#replaceImage(1, this.#writable);
  }

  /** @param depth Of the image: 1 is the child. */
  #replaceImage(depth: number, image: DiskImage): void {
    this.#images[depth - 1] = image;
    this.#reader = undefined;
  }

  #tryRebase(depth: number, parent: ParentSpec): void {
    const file = new DryRunFile(this.#files[depth - 1]!);
    openWritableImage(file, this.#images[depth - 1]!.format).rebase?.(parent);
  }

  /** Opens the parents again, at their places. */
  #reopen(parents: readonly DiskImage[]): void {
    for (const { source: { path }, format } of parents) {
      const { length } = this.#images;
      const parent = openParentAt(this.#linksTo(length), path, format, this.#options);
      this.#replaceAncestors(length, [parent]);
    }
  }

  /** The first files and images. */
  #linksTo(depth: number): Link[] {
    return this.#images.slice(0, depth).map((image, i) => ({ image, file: this.#files[i]! }));
  }

  /** What the images of up to a depth have above them. */
  #replaceAncestors(depth: number, ancestors: readonly Link[]): void {
    for (const file of this.#files.slice(depth)) file.close();
    this.#useFiles([...this.#files.slice(0, depth), ...ancestors.map(({ file }) => file)]);
    const [child, ...others] = this.#images;
    this.#images = [child, ...others.slice(0, depth - 1), ...ancestors.map(({ image }) => image)];
    this.#reader = undefined;
  }
}

function readChild(
  file: OpenFile,
  { damaged, format, noParents }: ChainOptions,
): DiskImage {
  return damaged?.openChild(file, format, noParents) ?? openImage(file, format);
}

function openChild(
  file: WritableSource,
  format: ImageFormat | undefined,
  { atomicSectors }: ChainOptions,
): WritableImage {
  const image = openWritableImage(file, format);
  if (atomicSectors) image.keepSectorsWhole?.();
  return image;
}

/**
 * Loads what opens damaged files, which most callers do without.
 *
 * @param assumed What the child may not say any more.
 */
export async function loadDamagedFiles(assumed: AssumedSizes): Promise<DamagedFiles> {
  return await (await import("./damaged_files.ts")).DamagedFiles.load(assumed);
}

/**
 * Opens an image with its parents, beside other readers.
 *
 * @param format By default it is found out.
 * @param option That which says of a file of no known format that it is a raw disk.
 * @param damaged Opens the files if they may be damaged.
 * @throws {ImageError} As {@linkcode ImageChain.open}.
 */
export function openToRead(
  source: ChainSource,
  format: ImageFormat | undefined,
  option?: string,
  parents?: readonly ChainSource[],
  damaged?: DamagedFiles,
): ImageChain {
  try {
    return ImageChain.open(source, {
      format,
      parents,
      damaged,
      noParents: false,
      ignoreRelative: false,
      writableDepth: 0,
      sharing: "readers",
    });
  } catch (error) {
    const isUnknown = error instanceof ImageError && error.options.causes === undefined &&
      error.symbol === "ERROR_VIRTDISK_PROVIDER_NOT_FOUND";
    if (!isUnknown || option === undefined) throw error;
    throw new ImageError(error.symbol, {
      ...error.options,
      causes: [`A raw disk is never guessed: if it is one, pass { ${option}: "raw" }.`],
    });
  }
}

/** What of a source is opened, and how. */
export interface SourceToRead {
  readonly source: HostSource;
  /** The nearest first; by default the images tell. */
  readonly parents?: readonly HostSource[] | undefined;
  /** By default it is found out. */
  readonly format: ImageFormat | undefined;
  /** What is assumed of an image that may be damaged; absent if it must be sound. */
  readonly assumed?: AssumedSizes | undefined;
}

/**
 * As {@linkcode openToRead}, of whatever an image is read from. Handles stay open: they are their owner's.
 *
 * @param option As of that.
 * @throws {ImageError} As that, and what fetching fails with.
 */
export async function openSourceToRead(
  { source, parents, format, assumed }: SourceToRead,
  option: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ImageChain> {
  if (assumed !== undefined) assertNotFetched([source, ...parents ?? []]);
  const damaged = assumed && await loadDamagedFiles(assumed);
  const files = await openSourceFiles([source, ...parents ?? []], { keepOpen: true, signal });
  const [file, ...others] = files;
  const given = parents && others;
  try {
    return await whenFetched(() => openToRead(file!, format, option, given, damaged), signal);
  } catch (error) {
    closeFetched(files);
    throw error;
  }
}

/** A chain whose child can be given another size. */
export interface ResizableChain {
  /** The child first. */
  readonly images: readonly [DiskImage, ...DiskImage[]];
  /** The child. */
  readonly image: DiskImage;
  /** The child, where it was opened for writing. */
  readonly writable: WritableImage | undefined;
  /**
   * Gives the child another size.
   *
   * @throws {ImageError} As `Resizing.run()` of the format.
   */
  resize(writable: WritableImage, virtualSize: number): void;
}
