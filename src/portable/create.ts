/**
 * Creates image files: written under a temporary name, made durable, and only then given their own.
 *
 * @module
 */
import { checkGuid, toHostPath } from "../disk/arguments.ts";
import { type AssumedSizes, assumedSizes } from "../disk/damage.ts";
import { toHostSource } from "../disk/disk_source.ts";
import { type CreateOptions, type NativeCreateOptions, sizesOf } from "../disk/create_options.ts";
import { type VirtualDiskError, virtualDiskError } from "../errors/error.ts";
import { ImageChain } from "./chain/chain.ts";
import { assertChildless } from "./chain/children.ts";
import { openSource, type SourceRequest } from "./operations/copy_source.ts";
import {
  type CreateRequest,
  imageSpec,
  kindToCreate,
  type NewKind,
} from "./operations/create_rules.ts";
import { openImage } from "./formats.ts";
import type { DiskImage } from "./image/image.ts";
import { ImageError, inLongOperation } from "./file/image_error.ts";
import { fileIdentity, ImageFile } from "./file/image_file.ts";
import { fileExists, NewFile, realFolder } from "./file/new_file.ts";
import {
  learnsSize,
  writeCopy,
  writeCopyOfUnknownSize,
  writeEmpty,
} from "./operations/write_image.ts";
import { Pace } from "./image/pace.ts";
import { parentSpec } from "./chain/parent_paths.ts";
import { PortableVirtualDisk } from "./portable_disk.ts";

/**
 * Creates an image and opens it for writing.
 *
 * @param options Checked.
 * @throws {VirtualDiskError} As CreateVirtualDisk; nothing is left behind then.
 */
export async function createPortable(
  path: string | URL,
  options: CreateOptions,
): Promise<PortableVirtualDisk> {
  const request = portableRequest(path, options);
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
  const kind = kindToCreate(request);
  assertCanPreallocate(request, kind);
  if (request.overwrite) assertReplaceable(request);
  if (request.source === undefined) await createEmpty(request, kind, pace);
  else await createCopy(request, request.source, kind, pace);
  const chain = ImageChain.open(path, {
    format: kind.format,
    noParents: false,
    ignoreRelative: false,
    writableDepth: 1,
    sharing: "readers",
  });
  // A disk that is new is nobody's parent yet.
  const rights = { query: true, read: true, writableDepth: 1, ignoreChildren: true };
  return new PortableVirtualDisk(chain, rights);
}

/**
 * Refuses to replace a file that somebody has open, or an image that is another one's parent: of that as much
 * is lost as by a write.
 *
 * @throws {ImageError} `ERROR_SHARING_VIOLATION`; `ERROR_VHD_INVALID_STATE`
 */
function assertReplaceable({ path, ignoreChildren }: CreateRequest): void {
  if (!fileExists(path)) return;
  using file = openReplaced(path);
  const image = file === undefined || ignoreChildren ? undefined : imageIn(file);
  if (image !== undefined) assertChildless(image);
}

/** The file that is to be replaced; `undefined` for a link that leads nowhere. */
function openReplaced(path: string): ImageFile | undefined {
  try {
    return ImageFile.open(path, { sharing: "none" });
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    if (error.symbol === "ERROR_FILE_NOT_FOUND") return undefined;
    if (error.symbol !== "ERROR_SHARING_VIOLATION") throw error;
    const holder = error.options.reason;
    throw new ImageError("ERROR_SHARING_VIOLATION", {
      path,
      reason: `the file that would be replaced is open${holder === undefined ? "" : `: ${holder}`}`,
      causes: ["Close it there first, or give the new file another name."],
    });
  }
}

function imageIn(file: ImageFile): DiskImage | undefined {
  try {
    return openImage(file);
  } catch (error) {
    // A fault of the contents has no cause: then nobody's parent is in the file.
    if (error instanceof ImageError && error.options.cause === undefined) return undefined;
    throw error;
  }
}

async function createEmpty(
  request: CreateRequest,
  kind: NewKind,
  pace: Pace,
): Promise<void> {
  const { path } = request;
  using parentChain = openParentChain(request, kind);
  const parent = parentChain?.image;
  if (parentChain !== undefined && request.overwrite) assertNoAncestor(path, parentChain);
  const folder = realFolder(path);
  const spec = imageSpec(
    request,
    kind,
    parent && { image: parent, spec: parentSpec(path, folder, parent) },
    undefined,
  );
  using target = NewFile.prepare(path, folder, request.overwrite);
  parentChain?.makeDurable();
  await target.write(async (file) => {
    const layout = await kind.rules.layout(spec, path);
    if (!request.preallocate) return await writeEmpty(file, layout);
    await writeEmpty(file, layout, pace);
    assertAllocated(file);
  });
  pace.end();
  target.publish();
}

async function createCopy(
  request: CreateRequest,
  sourceRequest: SourceRequest,
  kind: NewKind,
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
  // With zeros to be written, how far the file is says more than how much of the source has been read.
  const sourcePace = request.preallocate ? new Pace({ signal: request.signal }) : pace;
  using source = await openSource(sourceRequest, path, request.size, sourcePace);
  const isLearning = learnsSize(request, kind, source);
  const disk = { ...source.disk, virtualSize: source.disk.virtualSize ?? request.size };
  const spec = isLearning ? undefined : imageSpec(request, kind, undefined, disk);
  using target = NewFile.prepare(path, folder, request.overwrite);
  await target.write(async (file) => {
    const filePace = request.preallocate ? pace : undefined;
    if (spec === undefined) {
      await writeCopyOfUnknownSize(file, request, kind, source, filePace);
    } else {
      await writeCopy(file, await kind.rules.layout(spec, path), source, filePace);
    }
    if (request.preallocate) assertAllocated(file);
  });
  pace.end();
  // Windows replaces no file that is open, and the source may be what is replaced.
  source[Symbol.dispose]();
  target.publish();
}

function assertCanPreallocate({ path, preallocate }: CreateRequest, { subtype }: NewKind): void {
  if (!preallocate || subtype === "fixed") return;
  throw new ImageError("ERROR_INVALID_PARAMETER", {
    path,
    reason: `a ${subtype} disk cannot be preallocated: its file grows with what is written`,
    causes: ['Pass { subtype: "fixed" }, or leave `preallocate` out.'],
  });
}

/** Not every file system keeps zeros as they were written. */
function assertAllocated(file: ImageFile): void {
  file.flush();
  const { size, allocatedSize } = file;
  if (allocatedSize === undefined || allocatedSize >= size) return;
  throw new ImageError("ERROR_FILE_SYSTEM_LIMITATION", {
    path: file.path,
    reason:
      `the file system has made holes of zeros: ${allocatedSize} of ${size} bytes are allocated`,
    causes: ["Use a file system without compression, or leave `preallocate` out."],
  });
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

/** A child that takes the place of its own parent, or of a parent of that, would be left with nothing. */
function assertNoAncestor(path: string, { images }: ImageChain): void {
  const identities = images.map(({ source }) => fileIdentity(source.path));
  if (!fileExists(path) || !isOneOf(path, identities)) return;
  throw new ImageError("ERROR_INVALID_PARAMETER", {
    path,
    reason: "the new disk would replace its own parent, or one of that",
    causes: ["Give the child another name."],
  });
}

function isOneOf(path: string, identities: readonly string[]): boolean {
  try {
    return identities.includes(fileIdentity(path));
  } catch (error) {
    // A link that leads nowhere.
    if (error instanceof ImageError && error.symbol === "ERROR_FILE_NOT_FOUND") return false;
    throw error;
  }
}

function openParentChain(
  { path, parent }: CreateRequest,
  { format }: NewKind,
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

/** What CreateVirtualDisk alone can do. */
const NATIVE_OPTIONS = [
  "flags",
  "access",
  "openFlags",
  "resiliencyGuid",
  "parentType",
  "sourceLimitPath",
  "backingStorageType",
  "pmemAddressAbstractionType",
  "dataAlignment",
  "securityDescriptor",
] as const satisfies (keyof NativeCreateOptions)[];

function portableRequest(path: string | URL, options: CreateOptions): CreateRequest {
  const hostPath = toHostPath(path);
  const nativeOption = NATIVE_OPTIONS.find((name) => options[name] !== undefined);
  if (nativeOption !== undefined) throw unsupported(hostPath, `the option ${nativeOption}`);
  const { type, parent, source, sourceType, sourceParents, identifier } = options;
  const { overwrite = false, preallocate = false, force = false, ignoreChildren = false } = options;
  if (type === "vhdset" || sourceType === "vhdset") throw unsupported(hostPath, "VHD Sets");
  const { subtype, freeSpace = false, signal, onProgress } = options;
  if (freeSpace && (source === undefined || source instanceof ReadableStream)) {
    throw virtualDiskError("ERROR_INVALID_PARAMETER", "CreateVirtualDisk", {
      path: hostPath,
      reason: source === undefined
        ? "`freeSpace` is for a copy, and there is no source"
        : "`freeSpace` needs a source that can be read twice, and a stream cannot",
      causes: source === undefined
        ? ["Leave it out: a new disk is empty."]
        : ["Save the stream to a file, and name that as the source."],
    });
  }
  const assumed = assumptions(hostPath, options);
  return {
    path: hostPath,
    type,
    subtype,
    ...sizesOf(options),
    parent: parent === undefined ? undefined : toHostPath(parent, "parent"),
    source: source === undefined
      ? undefined
      : source instanceof ReadableStream
      ? { stream: source, format: sourceType }
      : {
        source: toHostSource(source, "source"),
        parents: sourceParents?.map((each) => toHostSource(each, "each of sourceParents")),
        format: sourceType,
        force,
        freeSpace,
        assumed,
      },
    identifier: identifier === undefined ? undefined : checkGuid(identifier, "identifier"),
    overwrite,
    ignoreChildren,
    preallocate,
    signal,
    onProgress,
  };
}

/** What is assumed of a source that may be damaged. */
function assumptions(
  path: string,
  { source, damage = "refuse", assume, freeSpace }: CreateOptions,
): AssumedSizes | undefined {
  const assumed = assumedSizes(assume);
  const invalid = (reason: string, cause: string) =>
    virtualDiskError("ERROR_INVALID_PARAMETER", "CreateVirtualDisk", {
      path,
      reason,
      causes: [cause],
    });
  if (damage === "refuse") {
    if (assume === undefined) return undefined;
    throw invalid(
      "`assume` is for a source that may be damaged",
      'Pass { damage: "tolerate" } too, or leave `assume` out.',
    );
  }
  if (source === undefined || source instanceof ReadableStream) {
    throw invalid(
      '{ damage: "tolerate" } is for a copy of an image in a file',
      "Name an image as the source, or leave `damage` out.",
    );
  }
  if (freeSpace) {
    throw invalid(
      "what a damaged disk says is free is not believed",
      "Leave out either `freeSpace` or `damage`.",
    );
  }
  return assumed;
}

function unsupported(path: string, what: string): VirtualDiskError {
  return virtualDiskError("ERROR_NOT_SUPPORTED", "CreateVirtualDisk", {
    path,
    reason: `the portable backend does not have ${what}`,
    causes: ['The native backend does: use { backend: "native" }, on Windows.'],
  });
}
