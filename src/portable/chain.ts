/**
 * Differencing chains: from a child to the last of its ancestors, each found, checked and opened.
 *
 * @module
 */
import type { WritableSource } from "./byte_source.ts";
import { type ImageFormat, openImage, openWritableImage, resizeImage } from "./detect.ts";
import type { DiskImage, ParentLink, WritableImage } from "./image.ts";
import { ImageError } from "./image_error.ts";
import { fileIdentity, ImageFile, type Sharing } from "./image_file.ts";
import { candidateName, type ParentCandidate, parentCandidates } from "./parent_paths.ts";

/** How to open a chain. */
export interface ChainOptions {
  /** The child's format where the caller names it. */
  readonly format: ImageFormat | undefined;
  /** Open the child alone. */
  readonly noParents: boolean;
  /** Do not try relative locators. */
  readonly ignoreRelative: boolean;
  /** How many files, from the child on, are opened for writing. */
  readonly writableDepth: number;
  /** How the files opened for reading are shared. */
  readonly sharing: Sharing;
}

/** Longer chains are taken for a cycle that file identities did not show. */
const MAX_DEPTH = 256;

/** An open file of a chain and the image in it. */
interface Link {
  readonly file: ImageFile;
  readonly image: DiskImage;
}

/** A child and its ancestors. */
export class ImageChain implements Disposable {
  readonly #files: readonly ImageFile[];
  readonly #images: [DiskImage, ...DiskImage[]];
  #writable: WritableImage | undefined;
  /** Where the child's parent was looked for. */
  readonly candidates: readonly ParentCandidate[];

  private constructor(
    files: readonly ImageFile[],
    images: [DiskImage, ...DiskImage[]],
    writable: WritableImage | undefined,
    candidates: readonly ParentCandidate[],
  ) {
    this.#files = files;
    this.#images = images;
    this.#writable = writable;
    this.candidates = candidates;
  }

  /**
   * @throws {ImageError} As OpenVirtualDisk fails for a file, an image or a parent.
   */
  static open(path: string, options: ChainOptions): ImageChain {
    const files: ImageFile[] = [];
    try {
      const isWriter = options.writableDepth > 0;
      const file = ImageFile.open(path, isWriter ? { write: true } : { sharing: options.sharing });
      files.push(file);
      const writable = isWriter ? openWritableImage(file, options.format) : undefined;
      const child = writable ?? openImage(file, options.format);
      const images: [DiskImage, ...DiskImage[]] = [child];
      const candidates = child.parent === undefined
        ? []
        : parentCandidates(file.path, child.parent, options.ignoreRelative);
      if (!options.noParents) openAncestors(files, images, options);
      return new ImageChain(files, images, writable, candidates);
    } catch (error) {
      for (const file of files) file.close();
      throw error;
    }
  }

  /** The child first. */
  get images(): readonly [DiskImage, ...DiskImage[]] {
    return this.#images;
  }

  /** The child, where it was opened for writing. */
  get writable(): WritableImage | undefined {
    return this.#writable;
  }

  /** The child. */
  get image(): DiskImage {
    return this.#images[0];
  }

  /**
   * Gives the child, which was opened for writing, another size.
   *
   * @throws {ImageError} As `resizeImage()`.
   */
  resize(writable: WritableImage, virtualSize: number): void {
    const file = this.#files[0]!;
    const { format } = writable;
    writable.finish();
    try {
      const parentSize = this.#images[1]?.virtualSize ?? 0;
      resizeImage(file, format, { virtualSize, parentSize });
    } finally {
      // Where a write has failed, what the file holds is uncertain, and nothing more is written to it.
      if (!file.hasFailed) {
        this.#writable = openWritableImage(file, format);
        this.#images[0] = this.#writable;
      }
    }
  }

  /**
   * Lends the child's file to `run`, as a clean close leaves it, and reads the child anew afterwards. The
   * chain is not to be used meanwhile, but for its parents.
   */
  async rework<T>(run: (file: WritableSource) => Promise<T>): Promise<T> {
    const file = this.#files[0]!;
    const { format } = this.image;
    this.#writable?.finish();
    try {
      return await run(file);
    } finally {
      // Where a write has failed, what the file holds is uncertain, and nothing more is written to it.
      if (this.#writable !== undefined && !file.hasFailed) {
        this.#writable = openWritableImage(file, format);
        this.#images[0] = this.#writable;
      }
    }
  }

  /**
   * Leaves the child's file as a clean close does, and closes all files.
   *
   * @throws {ImageError} Where the last writes fail. Where one failed before, the caller knows.
   */
  close(): void {
    try {
      if (this.#files[0]?.hasFailed === false) this.#writable?.finish();
    } finally {
      for (const file of this.#files) file.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A parent is read only, even where its file is opened for writing. */
function openLink(
  path: string,
  format: ImageFormat,
  write: boolean,
  sharing: Sharing,
): Link {
  const file = ImageFile.open(path, write ? { write } : { sharing });
  try {
    return { file, image: openImage(file, format) };
  } catch (error) {
    file.close();
    throw error;
  }
}

function openAncestors(files: ImageFile[], images: DiskImage[], options: ChainOptions): void {
  const identities = new Set(files.map((file) => file.identity()));
  for (let child = images.at(-1); child?.parent !== undefined; child = images.at(-1)) {
    const path = child.source.path;
    if (images.length >= MAX_DEPTH) {
      throw cycle(path, `the chain is longer than ${MAX_DEPTH} images`);
    }
    const write = images.length < options.writableDepth;
    const parent = openParent(
      child,
      child.parent,
      identities,
      (candidate, format) => openLink(candidate, format, write, options.sharing),
      options.ignoreRelative,
    );
    files.push(parent.file);
    images.push(parent.image);
    identities.add(parent.file.identity());
  }
}

/** Tries the candidates in order: the first that is there and is the right disk is the parent. */
function openParent(
  child: DiskImage,
  link: ParentLink,
  ancestors: ReadonlySet<string>,
  open: (path: string, format: ImageFormat) => Link,
  ignoreRelative: boolean,
): Link {
  const childPath = child.source.path;
  const tried: string[] = [];
  let failure: ImageError | undefined;
  for (const candidate of parentCandidates(childPath, link, ignoreRelative)) {
    if (candidate.path === undefined) {
      tried.push(`${JSON.stringify(candidate.locator.path)} (${candidate.refusal})`);
      continue;
    }
    tried.push(JSON.stringify(candidateName(candidate)));
    try {
      if (ancestors.has(fileIdentity(candidate.path))) {
        throw cycle(childPath, `${JSON.stringify(candidate.path)} is its own ancestor`);
      }
      const parent = open(candidate.path, child.format);
      try {
        checkParent(child, link, parent.image);
        return parent;
      } catch (error) {
        parent.file.close();
        throw error;
      }
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      const isMissing = error.symbol === "ERROR_FILE_NOT_FOUND" ||
        error.symbol === "ERROR_PATH_NOT_FOUND";
      // One wrong candidate does not end the search, but is the error where no other is right.
      if (!isMissing) failure ??= parentFailure(childPath, candidate.path, error);
    }
  }
  throw failure ?? new ImageError("ERROR_VHD_PARENT_VHD_NOT_FOUND", {
    path: childPath,
    reason: tried.length === 0
      ? "the image names no place where its parent could be"
      : `the parent was not found; tried ${tried.join(", ")}`,
  });
}

/** A parent must be the very disk that the child was made from. */
function checkParent(child: DiskImage, link: ParentLink, parent: DiskImage): void {
  const path = child.source.path;
  const parentPath = JSON.stringify(parent.source.path);
  if (parent.identifier === undefined || !link.identifiers.includes(parent.identifier)) {
    throw new ImageError("ERROR_VHD_CHILD_PARENT_ID_MISMATCH", {
      path,
      reason: `${parentPath} has the identifier ${parent.identifier}, ` +
        `the child expects ${link.identifiers.join(" or ")}`,
    });
  }
  if (child.format === "vhd" && parent.virtualSize !== child.virtualSize) {
    throw new ImageError("ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH", {
      path,
      reason: `${parentPath} holds ${parent.virtualSize} bytes, the child ${child.virtualSize}`,
    });
  }
  if (parent.logicalSectorSize !== child.logicalSectorSize) {
    throw new ImageError("ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH", {
      path,
      reason: `${parentPath} has sectors of ${parent.logicalSectorSize} bytes, ` +
        `the child of ${child.logicalSectorSize}`,
    });
  }
}

/** A failure to open a parent, as the child's opener learns of it. */
function parentFailure(childPath: string, parentPath: string, error: ImageError): ImageError {
  switch (error.symbol) {
    case "ERROR_VHD_CHILD_PARENT_ID_MISMATCH":
    case "ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH":
    case "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED":
    case "ERROR_SHARING_VIOLATION":
    case "ERROR_TOO_MANY_OPEN_FILES":
      return error;
    case "ERROR_ACCESS_DENIED":
      return new ImageError("ERROR_VHD_PARENT_VHD_ACCESS_DENIED", {
        path: childPath,
        reason: `no right to the parent ${JSON.stringify(parentPath)}`,
        cause: error.toVirtualDiskError("OpenVirtualDisk"),
      });
    default:
      return new ImageError("ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT", {
        path: childPath,
        reason: `the parent ${JSON.stringify(parentPath)} could not be opened (${error.symbol})`,
        cause: error.toVirtualDiskError("OpenVirtualDisk"),
        detail: error.options.detail,
      });
  }
}

function cycle(path: string, reason: string): ImageError {
  return new ImageError("ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED", { path, reason });
}
