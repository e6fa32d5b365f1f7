/**
 * Creates image files: written under a temporary name, made durable, and only then given their own.
 *
 * @module
 */
import { isAbsolute, join, relative } from "@std/path";
import { ImageChain } from "./chain.ts";
import { type CreateRequest, formatToCreate, imageSpec, subtypeToCreate } from "./create_rules.ts";
import type { DiskImage } from "./image.ts";
import { ImageError, inOperation } from "./image_error.ts";
import { ImageFile } from "./image_file.ts";
import type { ImageSpec, ParentSpec } from "./image_spec.ts";
import { fileExists, publishFile, realFolder, removeFile } from "./new_file.ts";
import { PortableVirtualDisk } from "./portable_disk.ts";
import { createVhd } from "./vhd/create_vhd.ts";
import { createVhdx } from "./vhdx/create_vhdx.ts";

const WRITERS: Record<"vhd" | "vhdx", (file: ImageFile, spec: ImageSpec) => void> = {
  vhd: createVhd,
  vhdx: createVhdx,
};

/**
 * Creates an image and opens it for writing.
 *
 * @throws {VirtualDiskError} As CreateVirtualDisk; nothing is left behind then.
 */
export function createPortable(request: CreateRequest): PortableVirtualDisk {
  return inOperation("CreateVirtualDisk", () => {
    const { path } = request;
    if (path === "") {
      throw new ImageError("ERROR_INVALID_PARAMETER", { path, reason: "the path is empty" });
    }
    subtypeToCreate(request);
    const format = formatToCreate(request);
    using parentChain = openParentChain(request, format);
    const parent = parentChain?.image;
    const folder = realFolder(path);
    const spec = imageSpec(
      request,
      parent && { image: parent, spec: parentSpec(path, folder, parent) },
    );
    // Before the work, so that it is not done in vain; publishing makes sure.
    if (!request.overwrite && fileExists(path)) throw new ImageError("ERROR_FILE_EXISTS", { path });
    writeImage(request, folder, (file) => WRITERS[format](file, spec));
    const chain = ImageChain.open(path, {
      format,
      noParents: false,
      ignoreRelative: false,
      writableDepth: 1,
      sharing: "readers",
    });
    return new PortableVirtualDisk(chain, { query: true, read: true, writableDepth: 1 });
  });
}

function openParentChain(
  { path, parent }: CreateRequest,
  format: "vhd" | "vhdx",
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

/** How a child in `folder` names its parent: always in Windows notation. */
function parentSpec(path: string, folder: string, parent: DiskImage): ParentSpec {
  const target = parent.source.path;
  const isWindows = Deno.build.os === "windows";
  const way = relative(folder, target);
  const relativePath = isAbsolute(way) ? undefined : windowsRelative(path, way, isWindows);
  return {
    // Only images with an identifier are differencing formats.
    identifier: parent.identifier ?? "",
    relativePath,
    absolutePath: isWindows ? target : undefined,
  };
}

function windowsRelative(path: string, way: string, isWindows: boolean): string {
  if (!isWindows && way.includes("\\")) {
    throw new ImageError("ERROR_INVALID_NAME", {
      path,
      reason: "the way to the parent has a backslash, which the image cannot express",
    });
  }
  const windows = way.replaceAll("/", "\\");
  return windows.startsWith("..\\") ? windows : `.\\${windows}`;
}

function writeImage(
  { path, overwrite }: CreateRequest,
  folder: string,
  write: (file: ImageFile) => void,
): void {
  const temporary = join(folder, `.virtdisk-${crypto.randomUUID()}.tmp`);
  try {
    {
      using file = ImageFile.open(temporary, { createNew: true, write: true });
      write(file);
      file.flush();
    }
    publishFile(temporary, path, overwrite);
  } finally {
    // Gone already where it was published by its new name.
    removeFile(temporary);
  }
}
