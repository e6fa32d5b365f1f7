/**
 * The chains of the images in folders: which image is whose child, which links hold, and why the others do not.
 *
 * @module
 */
import type { ProviderSubtype } from "../../disk/information.ts";
import type { OperationOptions } from "../../disk/progress.ts";
import type { VirtualDiskError } from "../../errors/error.ts";
import { basename, dirname, extname, join, resolve } from "../../text/paths.ts";
import {
  type ChainMember,
  checkParent,
  cycle,
  isExpectedParent,
  MAX_DEPTH,
  searchParent,
  wayOf,
} from "../chain/ancestors.ts";
import { fileOperation } from "../file/file_operation.ts";
import { ImageError, inLongOperation } from "../file/image_error.ts";
import { fileIdentity, ImageFile } from "../file/image_file.ts";
import { formatNamed, formatOfExtension, openImage } from "../formats.ts";
import { imageExtents } from "../image/image.ts";
import { Pace } from "../image/pace.ts";

const OPERATION = "OpenVirtualDisk";
/** The unit of `blocks` (POSIX, `st_blocks`). */
const STAT_BLOCK = 512;

/**
 * What keeps an image or its parent from being used: an error with its code, or the permission that is missing.
 *
 * @category Information
 */
export type ChainError = VirtualDiskError | Deno.errors.NotCapable;

/**
 * What an image file holds.
 *
 * @category Information
 */
export interface ChainImageFacts {
  /** What the file is. */
  readonly format: "iso" | "vhd" | "vhdx" | "raw";
  /** How its space is allocated; `"differencing"` for a child. */
  readonly subtype: ProviderSubtype;
  /** Bytes of the disk. */
  readonly virtualSize: number;
  /** Bytes of the file. */
  readonly fileSize: number;
  /** Bytes that the file takes on its volume, less if it is sparse; absent if the system does not tell. */
  readonly allocatedSize?: number;
  /** When the file was last written: ISO 8601 in UTC; absent if the system does not tell. */
  readonly modified?: string;
  /** By what children know it; absent if the format has none. */
  readonly identifier?: string;
  /** Bytes of the disk that are in this file: what a child adds to its parent. Absent if `damage` is there. */
  readonly storedBytes?: number;
  /** Why it cannot be told which bytes are in the file: a part of it is damaged. */
  readonly damage?: VirtualDiskError;
}

/**
 * The way from a child to its parent.
 *
 * @category Information
 */
export interface ChainLink {
  /** `"whole"`: the parent is there and is the right disk. `"unknown"`: this program may not look. */
  readonly state: "whole" | "broken" | "unknown";
  /** The parent; absent unless the link is whole. */
  readonly path?: string;
  /** Why it is not whole. */
  readonly error?: ChainError;
  /** Of a broken link: an image that is the very disk that the child expects, at another place. */
  readonly foundAt?: string;
}

/**
 * A file in the chains of a folder.
 *
 * @category Information
 */
export interface ChainFile {
  /** The absolute path. */
  readonly path: string;
  /**
   * `"image"`: a VHD or VHDX, or what is called so. The others are known by their names: `"vhdSet"`, a shared disk
   * whose states lie beside it, which Windows alone opens (`.vhds`); `"changeTracking"`, what Hyper-V notes of
   * changes for backups (`.rct`, `.mrt`).
   */
  readonly kind: "image" | "vhdSet" | "changeTracking";
  /** What the image holds; absent if it cannot be read, and for other files. */
  readonly image?: ChainImageFacts;
  /** Why it cannot be read. */
  readonly error?: ChainError;
  /** Of a child. */
  readonly parent?: ChainLink;
  /** The images that have it as their parent, in the order of their names. */
  readonly children: readonly string[];
  /** How many links lead to the last image that is found above it; 0 for one without a parent. */
  readonly depth: number;
  /** Whether it opens: all links above it are whole, and all images can be read. */
  readonly isWhole: boolean;
  /** Of a change tracking file: the image that it is about, if that is there. */
  readonly about?: string;
}

/** An image that has been looked at; its file is closed again. */
interface Node {
  readonly path: string;
  readonly kind: ChainFile["kind"];
  readonly facts?: ChainImageFacts;
  readonly member?: ChainMember;
  readonly error?: ImageError | Deno.errors.NotCapable;
  link?: { readonly parent: Node } | { readonly error: ImageError | Deno.errors.NotCapable };
  children: Node[];
}

/** The chains of what lies at `places`: folders and files. */
export async function findChains(
  places: readonly string[],
  options: OperationOptions,
): Promise<ChainFile[]> {
  const pace = new Pace(options);
  const paths = places.map((place) => resolve(place));
  const nodes = await inLongOperation(OPERATION, async () => {
    const forest = new Forest();
    const files = new Set<string>();
    for (const path of paths) {
      try {
        for (const file of filesOf(path)) files.add(file);
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        forest.fail(path, error);
      }
    }
    let count = 0;
    for (const path of files) {
      forest.add(path);
      await pace.reach(++count, files.size);
    }
    await forest.link(pace);
    return forest.inOrder();
  });
  pace.end();
  return nodes;
}

/** The images and what belongs to them, by their names; of a named file those beside it. */
function filesOf(path: string): string[] {
  const isFolder = fileOperation(path, () => Deno.statSync(path)).isDirectory;
  if (isFolder) return listed(path);
  const folder = dirname(path);
  const mayList = Deno.permissions.querySync({ name: "read", path: folder }).state === "granted";
  try {
    return [path, ...(mayList ? listed(folder).filter((each) => each !== path) : [])];
  } catch (error) {
    if (error instanceof ImageError) return [path];
    throw error;
  }
}

function listed(folder: string): string[] {
  const names = fileOperation(folder, () => [...Deno.readDirSync(folder)])
    .filter(({ name, isDirectory }) => !isDirectory && isTaken(name)).map(({ name }) => name);
  return names.sort().map((name) => join(folder, name));
}

function isTaken(name: string): boolean {
  if (kindOf(name) !== "image") return true;
  const format = formatOfExtension(name);
  return format !== undefined && formatNamed(format).differencing !== undefined;
}

function kindOf(name: string): ChainFile["kind"] {
  const extension = extname(name).toLowerCase();
  if (extension === ".vhds") return "vhdSet";
  return extension === ".rct" || extension === ".mrt" ? "changeTracking" : "image";
}

/** All images that have been found. */
class Forest {
  /** By identity, so that each file is there once. */
  readonly #nodes = new Map<string, Node>();

  /** Looks at a file; gives what is known of one that was looked at before. */
  add(path: string): Node {
    const { key, node } = this.#identified(path);
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const added = node ?? look(path);
    this.#nodes.set(key, added);
    return added;
  }

  /** Keeps what is wrong with a place that cannot be looked at. */
  fail(path: string, error: ImageError): void {
    this.#nodes.set(path, { path, kind: kindOf(path), error, children: [] });
  }

  /** Looks for the parents; those that lie elsewhere are added. */
  async link(pace: Pace): Promise<void> {
    // A map goes on with what is added meanwhile.
    for (const node of this.#nodes.values()) {
      const { member } = node;
      if (member?.parent === undefined) continue;
      try {
        const parent = searchParent(member.source.path, member.parent, false, (path) => {
          const found = this.#parent(path);
          if (found === node) throw loop([node]);
          checkParent(member, found.member!);
          return found;
        });
        node.link = { parent };
        parent.children.push(node);
      } catch (error) {
        if (!isExpected(error)) throw error;
        node.link = { error };
      }
      await pace.reach(0, this.#nodes.size);
    }
    this.#breakLoops();
  }

  /** Parents before children. */
  inOrder(): ChainFile[] {
    const files: ChainFile[] = [];
    const roots = [...this.#nodes.values()].filter(({ link }) =>
      link === undefined || !("parent" in link)
    );
    const stack = roots.sort(byPath).reverse().map((node) => ({ node, depth: 0, isWhole: true }));
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { node, depth } = next;
      const isWhole = next.isWhole && node.facts !== undefined && isLinked(node);
      node.children.sort(byPath);
      files.push(this.#file(node, depth, isWhole));
      for (const child of node.children.toReversed()) {
        stack.push({ node: child, depth: depth + 1, isWhole });
      }
    }
    return files;
  }

  /** A parent that can be read. */
  #parent(path: string): Node {
    // Deno would ask on a terminal, where nobody could know what for.
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") {
      throw new Deno.errors.NotCapable(
        `the parent may be ${JSON.stringify(path)}, which this program may not read`,
      );
    }
    // What is not there is no image of the chain.
    fileIdentity(path);
    const node = this.add(path);
    if (node.error !== undefined) throw node.error;
    if (node.member === undefined) {
      throw new ImageError("ERROR_VIRTDISK_PROVIDER_NOT_FOUND", { path });
    }
    return node;
  }

  /** A path may lead nowhere: the file then is known by its path. */
  #identified(path: string): { key: string; node?: Node } {
    try {
      return { key: fileIdentity(path) };
    } catch (error) {
      if (!isExpected(error)) throw error;
      return { key: path, node: { path, kind: kindOf(path), error, children: [] } };
    }
  }

  /** Cuts each chain that comes back to itself, and each that is longer than any that opens. */
  #breakLoops(): void {
    const done = new Set<Node>();
    for (const start of [...this.#nodes.values()].sort(byPath)) {
      const way: Node[] = [];
      const places = new Map<Node, number>();
      let node: Node | undefined = start;
      while (node !== undefined && !done.has(node) && !places.has(node)) {
        places.set(node, way.length);
        way.push(node);
        node = parentOf(node);
      }
      const first = node === undefined ? undefined : places.get(node);
      const nodes = first === undefined ? [] : way.slice(first);
      for (const each of nodes) unlink(each, loop(nodes));
      for (const each of way) done.add(each);
    }
    const stack = [...this.#nodes.values()].filter((node) => parentOf(node) === undefined)
      .map((node) => ({ node, images: 1 }));
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      for (const child of [...next.node.children]) {
        if (next.images >= MAX_DEPTH) {
          unlink(child, cycle(child.path, `the chain is longer than ${MAX_DEPTH} images`));
        }
        stack.push({ node: child, images: next.images >= MAX_DEPTH ? 1 : next.images + 1 });
      }
    }
  }

  #file(node: Node, depth: number, isWhole: boolean): ChainFile {
    const { path, kind, facts, error, children } = node;
    const link = this.#linkOf(node);
    const about = kind === "changeTracking" ? this.#subjectOf(path) : undefined;
    return {
      path,
      kind,
      ...(facts === undefined ? {} : { image: facts }),
      ...(error === undefined ? {} : { error: told(error) }),
      ...(link === undefined ? {} : { parent: link }),
      children: children.map((child) => child.path),
      depth,
      isWhole,
      ...(about === undefined ? {} : { about }),
    };
  }

  #linkOf(node: Node): ChainLink | undefined {
    const { link, member } = node;
    if (link === undefined || member === undefined) return undefined;
    if ("parent" in link) return { state: "whole", path: link.parent.path };
    if (link.error instanceof Deno.errors.NotCapable) {
      return { state: "unknown", error: link.error };
    }
    const found = [...this.#nodes.values()].find((other) =>
      other !== node && other.member?.format === member.format &&
      isExpectedParent(member, other.member)
    );
    const isLoop = link.error.symbol === "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED";
    return {
      state: "broken",
      error: told(link.error),
      ...(found === undefined || isLoop ? {} : { foundAt: found.path }),
    };
  }

  /** `disk.vhdx.rct` and `disk.vhdx.mrt` are about `disk.vhdx`. */
  #subjectOf(path: string): string | undefined {
    const subject = path.slice(0, -extname(path).length);
    const name = basename(subject).toLowerCase();
    return [...this.#nodes.values()].find((node) =>
      node.kind === "image" && dirname(node.path) === dirname(path) &&
      basename(node.path).toLowerCase() === name
    )?.path;
  }
}

/** Opens an image alone, beside whoever has it open, and keeps what is to be told. */
function look(path: string): Node {
  const kind = kindOf(path);
  const node = { path, kind, children: [] };
  if (kind !== "image") return node;
  try {
    using file = ImageFile.open(path, { sharing: "everyone" });
    const image = openImage(file);
    const { format, subtype, virtualSize, logicalSectorSize, identifier, parent } = image;
    const { blocks, mtime, size } = fileOperation(path, () => Deno.statSync(path));
    let stored: Pick<ChainImageFacts, "storedBytes" | "damage">;
    try {
      stored = { storedBytes: 0 };
      let storedBytes = 0;
      for (const { kind, length } of imageExtents(image, 0, virtualSize)) {
        if (kind === "file") storedBytes += length;
      }
      stored = { storedBytes };
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      stored = { damage: error.toVirtualDiskError(OPERATION) };
    }
    return {
      ...node,
      member: {
        format,
        virtualSize,
        logicalSectorSize,
        identifier,
        parent,
        source: { path: file.path },
      },
      facts: {
        format,
        subtype,
        virtualSize,
        fileSize: size,
        ...(blocks === null ? {} : { allocatedSize: blocks * STAT_BLOCK }),
        ...(mtime === null ? {} : { modified: mtime.toISOString() }),
        ...(identifier === undefined ? {} : { identifier }),
        ...stored,
      },
    };
  } catch (error) {
    if (!isExpected(error)) throw error;
    return { ...node, error };
  }
}

function isExpected(error: unknown): error is ImageError | Deno.errors.NotCapable {
  return error instanceof ImageError || error instanceof Deno.errors.NotCapable;
}

function told(error: ImageError | Deno.errors.NotCapable): ChainError {
  return error instanceof ImageError ? error.toVirtualDiskError(OPERATION) : error;
}

function parentOf({ link }: Node): Node | undefined {
  return link !== undefined && "parent" in link ? link.parent : undefined;
}

/** Whether nothing is missing directly above it. */
function isLinked(node: Node): boolean {
  return node.member?.parent === undefined || parentOf(node) !== undefined;
}

/** What is wrong with a chain of these alone. */
function loop(nodes: readonly Node[]): ImageError {
  const paths = [...nodes, nodes[0]!].map(({ path }) => path);
  return cycle(paths[0]!, `the chain comes back to one of its images: ${wayOf(paths)}`);
}

function unlink(node: Node, error: ImageError): void {
  const parent = parentOf(node);
  if (parent !== undefined) parent.children = parent.children.filter((each) => each !== node);
  node.link = { error };
}

function byPath(a: Node, b: Node): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
