/**
 * Finds, checks and opens the ancestors of a differencing image.
 *
 * @module
 */
import { errorCode, errorMeaning } from "../../errors/codes.ts";
import { isErrorOf } from "../../errors/error.ts";
import { formatOf, type ImageFormat, openImage } from "../formats.ts";
import type { DiskImage, ParentLink } from "../image/image.ts";
import type { OpenFile } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import {
  fileIdentity,
  ImageFile,
  type ImageFileOptions,
  type Sharing,
} from "../file/image_file.ts";
import type { DamagedFiles } from "./damaged_files.ts";
import { candidateName, parentCandidates } from "./parent_paths.ts";

/** How ancestors are opened. */
export interface AncestorOptions {
  /** Do not try relative locators. */
  readonly ignoreRelative: boolean;
  /** How many files, from the child on, are opened for writing. */
  readonly writableDepth: number;
  /** How the files opened for reading are shared. */
  readonly sharing: Sharing;
  /** Take for a parent what has another identifier than the child expects. */
  readonly ignoreMismatch?: boolean | undefined;
  /** What the parents are, the nearest first, whatever places the images name. Beyond these, the images tell. */
  readonly parents?: readonly ChainSource[] | undefined;
  /** Opens what is left of the files, if they may be damaged. For reading alone. */
  readonly damaged?: DamagedFiles | undefined;
}

/** What a file of a chain is: its path, or an open file, which its opener closes if the chain does not open. */
export type ChainSource = string | OpenFile;

/** An open file of a chain and the image in it. */
export interface Link {
  readonly file: OpenFile;
  readonly image: DiskImage;
}

/** Longer chains are taken for a cycle that file identities did not show. */
export const MAX_DEPTH = 256;

/** Longer ways are abridged in messages. */
const SHOWN_LINKS = 8;

/** A parent is read only, even where its file is opened for writing. */
function openLink(
  source: ChainSource,
  format: ImageFormat | undefined,
  write: boolean,
  { sharing, damaged }: AncestorOptions,
): Link {
  const file = openChainFile(source, write ? { write } : { sharing });
  try {
    return { file, image: damaged?.openParent(file, format) ?? openImage(file, format) };
  } catch (error) {
    closeUnlessGiven(file, source);
    throw error;
  }
}

/** Opens a file of a chain; one that is open is not opened again. */
export function openChainFile(source: ChainSource, options: ImageFileOptions): OpenFile {
  if (typeof source !== "string") return source;
  try {
    return ImageFile.open(source, options);
  } catch (error) {
    throw looksLikeUrl(source, error) ? takenForPath(source, error) : error;
  }
}

function looksLikeUrl(path: string, error: unknown): error is ImageError {
  const isMissing = error instanceof ImageError &&
    (error.symbol === "ERROR_FILE_NOT_FOUND" || error.symbol === "ERROR_PATH_NOT_FOUND");
  return isMissing && /^https?:\/\//i.test(path);
}

/** A string is a path, whatever it looks like: what a file is called must not decide what is fetched. */
function takenForPath(path: string, { symbol, options }: ImageError): ImageError {
  return new ImageError(symbol, {
    ...options,
    causes: [`A string is always a path. For a URL, pass \`new URL(${JSON.stringify(path)})\`.`],
  });
}

/** Closes a file of a chain that does not open. */
export function closeUnlessGiven(file: OpenFile, source: ChainSource): void {
  if (file !== source) file.close();
}

/**
 * Opens what the last image of a chain has above it, the nearest first.
 *
 * @throws {ImageError} As OpenVirtualDisk fails for a parent; nothing stays open then.
 */
export function openAncestors(chain: readonly Link[], options: AncestorOptions): Link[] {
  const ancestors: Link[] = [];
  try {
    while (true) {
      const links = [...chain, ...ancestors];
      const child = links.at(-1)!.image;
      if (child.parent === undefined) {
        assertAllUsed(links, options);
        return ancestors;
      }
      const parent = parentOrLoss(child, child.parent, links, options);
      if (parent === undefined) return ancestors;
      ancestors.push(parent);
    }
  } catch (error) {
    for (const { file } of ancestors) {
      if (!options.parents?.includes(file)) file.close();
    }
    throw error;
  }
}

/** Parents that belong to nothing are a mistake of the caller's, who may have meant another order. */
function assertAllUsed(links: readonly Link[], { parents = [] }: AncestorOptions): void {
  const count = links.length - 1;
  if (parents.length <= count) return;
  throw new ImageError("ERROR_INVALID_PARAMETER", {
    path: links[0]!.image.source.path,
    reason: `\`parents\` names ${parents.length}, and the image has ${count}`,
    causes: ["Leave out those that are not its parents."],
  });
}

/** The parent; `undefined` if the disk is read without what it held. */
function parentOrLoss(
  child: DiskImage,
  link: ParentLink,
  links: readonly Link[],
  options: AncestorOptions,
): Link | undefined {
  try {
    const given = options.parents?.[links.length - 1];
    return given === undefined
      ? openParent(child, link, links, options)
      : openParentAt(links, given, undefined, options);
  } catch (error) {
    if (options.damaged === undefined) throw error;
    options.damaged.loseParent(child, error);
    return undefined;
  }
}

/**
 * Opens the parent of a chain's last image at the given place, whatever places the image names.
 *
 * @param format What the file has to be; else the file says, and it must be what the child is.
 * @throws {ImageError} As OpenVirtualDisk fails for a file or a parent.
 */
export function openParentAt(
  links: readonly Link[],
  source: ChainSource,
  format: ImageFormat | undefined,
  options: AncestorOptions,
): Link {
  const parent = openNext(links, source, format, options);
  try {
    checkParent(links.at(-1)!.image, parent.image, options);
    return parent;
  } catch (error) {
    closeUnlessGiven(parent.file, source);
    throw error;
  }
}

/**
 * Looks for a cycle above the last image of a chain that need not be complete.
 *
 * @throws {ImageError} `ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED`;
 * `ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT` if a file cannot be read.
 */
export function assertNoCycle(links: readonly Link[], options: AncestorOptions): void {
  try {
    for (const { file } of openAncestors(links, { ...options, writableDepth: 0 })) file.close();
  } catch (error) {
    const isOther = error instanceof ImageError &&
      error.symbol !== "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED";
    // A chain that cannot be read to its end may be one.
    if (!isOther || isErrorOf(error.options.cause, "ERROR_IO_DEVICE")) throw error;
  }
}

/** Opens a file of a chain that it must not be in already. */
function openNext(
  links: readonly Link[],
  source: ChainSource,
  format: ImageFormat | undefined,
  options: AncestorOptions,
): Link {
  // Whoever opens a chain knows its first file, and is told the way from there.
  const [asked, ...between] = links.map(({ image }) => image.source.path);
  if (links.length >= MAX_DEPTH) {
    throw cycle(asked!, `the chain is longer than ${MAX_DEPTH} images`);
  }
  const identity = typeof source === "string" ? fileIdentity(source) : source.identity();
  const first = links.findIndex(({ file }) => file.identity() === identity);
  if (first >= 0) {
    const chain = [asked!, ...between, links[first]!.image.source.path];
    throw cycle(asked!, `the chain comes back to one of its images: ${wayOf(chain)}`);
  }
  return openLink(source, format, links.length < options.writableDepth, options);
}

function openParent(
  child: DiskImage,
  link: ParentLink,
  links: readonly Link[],
  options: AncestorOptions,
): Link {
  if (child.source.origin !== undefined) throw parentNotGiven(child, link);
  return searchParent(
    child.source.path,
    link,
    options.ignoreRelative,
    (path) => openParentAt(links, path, child.format, options),
  );
}

/**
 * Tries the candidates in order: the first that is there and is the right disk is the parent.
 *
 * @param open Opens the file at a path, and checks that it is the parent.
 * @throws {ImageError} As OpenVirtualDisk fails for a parent.
 */
export function searchParent<T>(
  childPath: string,
  link: ParentLink,
  ignoreRelative: boolean,
  open: (path: string) => T,
): T {
  const tried: string[] = [];
  const refused: string[] = [];
  let failure: ImageError | undefined;
  for (const candidate of parentCandidates(childPath, link, ignoreRelative)) {
    if (candidate.path === undefined) {
      const list = candidate.isForeign ? tried : refused;
      list.push(`${JSON.stringify(candidate.locator.path)}, which ${candidate.refusal}`);
      continue;
    }
    tried.push(JSON.stringify(candidateName(candidate)));
    try {
      return open(candidate.path);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      const isMissing = error.symbol === "ERROR_FILE_NOT_FOUND" ||
        error.symbol === "ERROR_PATH_NOT_FOUND";
      // What cannot be read may be the parent: another file of the same identifier may hold older data.
      if (error.symbol === "ERROR_IO_DEVICE") {
        throw parentFailure(childPath, candidate.path, error);
      }
      // One wrong candidate does not end the search, but is the error where no other is right.
      if (!isMissing) failure ??= parentFailure(childPath, candidate.path, error);
    }
  }
  throw failure ?? parentNotFound(childPath, tried, refused);
}

function parentNotFound(
  path: string,
  tried: readonly string[],
  refused: readonly string[],
): ImageError {
  const unseen = refused.length === 0 ? [] : [`was not looked for at ${refused.join(", nor at ")}`];
  const missing = tried.length === 0 ? [] : [`is not at ${tried.join(", nor at ")}`];
  const places = [...missing, ...unseen];
  return new ImageError("ERROR_VHD_PARENT_VHD_NOT_FOUND", {
    path,
    reason: places.length === 0
      ? "the image names no place where its parent could be"
      : `the parent ${places.join(", and ")}`,
    about: [refused.length === 0 ? "moved parent" : "refused parent"],
  });
}

/**
 * What has no path has no place from which others could be found; and whoever made it does not decide which files of
 * this host, or of others, are opened.
 */
function parentNotGiven({ source: { path } }: DiskImage, { locators }: ParentLink): ImageError {
  const names = [...new Set(locators.map((locator) => JSON.stringify(locator.path)))];
  const named = names.length === 0 ? "" : `, which it calls ${names.join(" or ")},`;
  return new ImageError("ERROR_VHD_PARENT_VHD_NOT_FOUND", {
    path,
    reason: `the parent of the image${named} is not looked for: the image has no path itself`,
    causes: [
      "Say what it is: pass `parents`, the nearest first.",
      'To look at the child alone, open with the flag "no-parents".',
    ],
  });
}

/** What of an image tells whether it is the parent of another. */
export type ChainMember =
  & Pick<DiskImage, "format" | "identifier" | "virtualSize" | "logicalSectorSize" | "parent">
  & { readonly source: { readonly path: string } };

/** Whether the child knows its parent by that identifier. */
export function isExpectedParent(
  child: Pick<ChainMember, "parent">,
  { identifier }: Pick<ChainMember, "identifier">,
): boolean {
  return identifier !== undefined && child.parent?.identifiers.includes(identifier) === true;
}

/**
 * A parent must be the very disk that the child was made from. A time stamp that differs says nothing:
 * Windows 10 stores none, and files lose theirs when they are copied.
 */
export function checkParent(
  child: ChainMember,
  parent: ChainMember,
  { ignoreMismatch = false }: Pick<AncestorOptions, "ignoreMismatch"> = {},
): void {
  const path = child.source.path;
  const parentPath = JSON.stringify(parent.source.path);
  if (parent.format !== child.format) {
    throw new ImageError("ERROR_INVALID_PARAMETER", {
      path,
      reason: `${parentPath} is a ${parent.format.toUpperCase()} image, ` +
        `the child a ${child.format.toUpperCase()} one`,
      causes: ["Parent and child have the same format: convert one of them."],
    });
  }
  if (!ignoreMismatch && !isExpectedParent(child, parent)) {
    throw new ImageError("ERROR_VHD_CHILD_PARENT_ID_MISMATCH", {
      path,
      reason: `${parentPath} has the identifier ${parent.identifier}, ` +
        `the child expects ${child.parent?.identifiers.join(" or ")}: it is another disk, ` +
        "or was changed after the child was made",
    });
  }
  const isSameSize = formatOf(child).differencing?.isSameSize;
  if (isSameSize && parent.virtualSize !== child.virtualSize) {
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
        reason: `the parent ${JSON.stringify(parentPath)} cannot be opened: ` +
          `${error.options.reason ?? errorMeaning(errorCode(error.symbol))} (${error.symbol})`,
        cause: error.toVirtualDiskError("OpenVirtualDisk"),
        detail: error.options.detail,
      });
  }
}

/** A chain in words; what is long is not interesting, but its ends are. */
export function wayOf(paths: readonly string[]): string {
  const shown = paths.length <= SHOWN_LINKS
    ? paths
    : [...paths.slice(0, 2), "...", ...paths.slice(2 - SHOWN_LINKS)];
  return shown.map((path) => path === "..." ? path : JSON.stringify(path)).join(" -> ");
}

/** The refusal of a chain without an end. */
export function cycle(path: string, reason: string): ImageError {
  return new ImageError("ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED", { path, reason });
}
