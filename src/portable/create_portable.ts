/**
 * Creates image files: written under a temporary name, made durable, and only then given their own.
 *
 * @module
 */
import { ImageChain } from "./chain.ts";
import { openSource, type SourceRequest } from "./copy_source.ts";
import {
  type CreateRequest,
  formatToCreate,
  imageSpec,
  type NewFormat,
  subtypeToCreate,
} from "./create_rules.ts";
import { ImageError, inLongOperation } from "./image_error.ts";
import { NewFile, realFolder } from "./new_file.ts";
import {
  layoutOf,
  learnsSize,
  writeCopy,
  writeCopyOfUnknownSize,
  writeEmpty,
} from "./new_image.ts";
import { Pace } from "./operations/pace.ts";
import { parentSpec } from "./parent_spec.ts";
import { PortableVirtualDisk } from "./portable_disk.ts";

/**
 * Creates an image and opens it for writing.
 *
 * @throws {VirtualDiskError} As CreateVirtualDisk; nothing is left behind then.
 */
export async function createPortable(
  request: CreateRequest,
): Promise<PortableVirtualDisk> {
  try {
    return await inLongOperation("CreateVirtualDisk", () => create(request));
  } catch (error) {
    await abandon(request.source, error);
    throw error;
  }
}

async function create(request: CreateRequest): Promise<PortableVirtualDisk> {
  const { path } = request;
  if (path === "") {
    throw new ImageError("ERROR_INVALID_PARAMETER", { path, reason: "the path is empty" });
  }
  const pace = new Pace(request);
  pace.assertWanted();
  subtypeToCreate(request);
  const format = formatToCreate(request);
  if (request.source === undefined) await createEmpty(request, format, pace);
  else await createCopy(request, request.source, format, pace);
  const chain = ImageChain.open(path, {
    format,
    noParents: false,
    ignoreRelative: false,
    writableDepth: 1,
    sharing: "readers",
  });
  // A disk that is new is nobody's parent yet.
  const rights = { query: true, read: true, writableDepth: 1, ignoreChildren: true };
  return new PortableVirtualDisk(chain, rights);
}

async function createEmpty(
  request: CreateRequest,
  format: NewFormat,
  pace: Pace,
): Promise<void> {
  const { path } = request;
  using parentChain = openParentChain(request, format);
  const parent = parentChain?.image;
  const folder = realFolder(path);
  const spec = imageSpec(
    request,
    parent && { image: parent, spec: parentSpec(path, folder, parent) },
    undefined,
  );
  using target = NewFile.prepare(path, folder, request.overwrite);
  await target.write((file) => writeEmpty(file, layoutOf(format, spec, path)));
  pace.end();
  target.publish();
}

async function createCopy(
  request: CreateRequest,
  sourceRequest: SourceRequest,
  format: NewFormat,
  pace: Pace,
): Promise<void> {
  const { path } = request;
  if (request.parent !== undefined) {
    throw new ImageError("ERROR_INVALID_PARAMETER", {
      path,
      reason: "a disk has a parent or a source, not both",
    });
  }
  const folder = realFolder(path);
  using source = openSource(sourceRequest, path, request.size, pace);
  const isLearning = learnsSize(request, source);
  const disk = { ...source.disk, virtualSize: source.disk.virtualSize ?? request.size };
  const spec = isLearning ? undefined : imageSpec(request, undefined, disk);
  using target = NewFile.prepare(path, folder, request.overwrite);
  await target.write((file) =>
    spec === undefined
      ? writeCopyOfUnknownSize(file, request, source)
      : writeCopy(file, layoutOf(format, spec, path), source)
  );
  pace.end();
  // Windows replaces no file that is open, and the source may be what is replaced.
  source[Symbol.dispose]();
  target.publish();
}

/** A stream that is not read any more is told so. */
async function abandon(source: SourceRequest | undefined, reason: unknown): Promise<void> {
  if (source === undefined || !("stream" in source) || source.stream.locked) return;
  try {
    await source.stream.cancel(reason);
  } catch {
    // What made the creation fail is what the caller learns.
  }
}

function openParentChain(
  { path, parent }: CreateRequest,
  format: NewFormat,
): ImageChain | undefined {
  if (parent === undefined) return undefined;
  const chain = ImageChain.open(parent, {
    format: undefined,
    noParents: false,
    ignoreRelative: false,
    writableDepth: 0,
    sharing: "readers",
  });
  if (chain.image.format === format) return chain;
  chain.close();
  throw new ImageError("ERROR_INVALID_PARAMETER", {
    path,
    reason: `the parent is a ${chain.image.format.toUpperCase()} image, the child would be ` +
      `${format.toUpperCase()}`,
    causes: ["Parent and child have the same format: choose the extension or `type` accordingly."],
  });
}
