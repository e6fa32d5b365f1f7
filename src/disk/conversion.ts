/**
 * Converting and rebasing, by the functions of a door that create and open disks.
 *
 * @module
 */
import {
  BACKEND,
  type Backend,
  BOOLEAN,
  checkArgument,
  checkOptions,
  type OptionKinds,
  PATH,
} from "./arguments.ts";
import { CREATE_OPTIONS, type CreateOptions } from "./create_options.ts";
import { type DiskSource, SOURCE } from "./disk_source.ts";
import type { OpenOptions } from "./open_options.ts";
import type { VirtualDisk } from "./virtual_disk.ts";

/**
 * What a disk is converted to: the options of `createVirtualDisk`, for a copy.
 *
 * @category Operations
 */
export type ConvertOptions<B extends Backend = Backend> = Omit<
  CreateOptions<B>,
  "source" | "parent"
>;

const { source: _source, parent: _parent, ...OPTIONS_OF_COPIES } = CREATE_OPTIONS;
const CONVERT_OPTIONS: OptionKinds<ConvertOptions> = OPTIONS_OF_COPIES;

/**
 * What a conversion has made.
 *
 * @category Operations
 */
export interface ConversionReport {
  /** The absolute path of the new image. */
  readonly path: string;
  /** Bytes of the disk. */
  readonly virtualSize: number;
  /** Bytes of the image file. */
  readonly fileSize: number;
}

/**
 * Creates a copy, and closes it.
 *
 * @throws What creating it fails with.
 */
export async function convertBy(
  create: (path: string | URL, options: CreateOptions) => Promise<VirtualDisk>,
  source: DiskSource | ReadableStream<Uint8Array>,
  target: string | URL,
  options: ConvertOptions | undefined,
): Promise<ConversionReport> {
  if (source === undefined) checkArgument(SOURCE, source, "source");
  const checked = checkOptions(CONVERT_OPTIONS, options, "convertVirtualDisk");
  using disk = await create(target, { ...checked, source });
  const { virtualSize, physicalSize } = disk.getInformation("size");
  return { path: disk.path, virtualSize, fileSize: physicalSize };
}

/**
 * Where a child's parent is.
 *
 * @category Operations
 */
export interface RebaseOptions<B extends Backend = Backend> {
  /** The parent's image. */
  parent: string | URL;
  /**
   * Takes the parent although it is not the disk that the child was made from, or has changed since. **The contents
   * may be a mix of what never belonged together.**
   *
   * @default {false}
   */
  ignoreMismatch?: boolean | undefined;
  /**
   * Portable backend: goes on although the child has children in its folder, which become invalid if it gets another
   * parent than it was made from (see `OpenOptions.ignoreChildren`).
   *
   * @default {false}
   */
  ignoreChildren?: boolean | undefined;
  /**
   * Portable backend: writes nothing, and fails as the rebase would.
   *
   * @default {false}
   */
  dryRun?: boolean | undefined;
  /**
   * Which backend writes the child; `"auto"` is native on Windows and portable elsewhere.
   *
   * @default {"auto"}
   */
  backend?: B | undefined;
}

/**
 * What a rebase has stored in a child, or would.
 *
 * @category Operations
 */
export interface RebaseReport {
  /** Whether nothing has been written. */
  readonly dryRun: boolean;
  /** The absolute path of the child. */
  readonly path: string;
  /** The absolute path of the parent. */
  readonly parent: string;
  /** The parent's identifier, by which the child knows it. */
  readonly parentIdentifier: string;
}

const REBASE_OPTIONS: OptionKinds<RebaseOptions> = {
  parent: PATH,
  ignoreMismatch: BOOLEAN,
  ignoreChildren: BOOLEAN,
  dryRun: BOOLEAN,
  backend: BACKEND,
};

/**
 * Stores a parent in a child.
 *
 * @throws What opening the child, or setting its parent, fails with.
 */
export async function rebaseBy(
  open: (path: string | URL, options: OpenOptions) => Promise<VirtualDisk>,
  child: string | URL,
  options: RebaseOptions,
): Promise<RebaseReport> {
  const { parent, ignoreMismatch, ignoreChildren, dryRun = false, backend } = checkOptions(
    REBASE_OPTIONS,
    options,
    "rebaseVirtualDisk",
  );
  checkArgument(PATH, parent, "parent");
  const alone: OpenOptions = { backend, flags: ["no-parents"] };
  using disk = await open(child, { ...alone, readOnly: dryRun, ignoreChildren });
  disk.setInformation("parentPath", { path: parent, ignoreMismatch, dryRun });
  using base = await open(parent, { ...alone, getInfoOnly: true });
  const parentIdentifier = base.getInformation("identifier");
  return { dryRun, path: disk.path, parent: base.path, parentIdentifier };
}
