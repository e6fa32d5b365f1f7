/**
 * How a child names its parent.
 *
 * @module
 */
import { isAbsolute, relative } from "@std/path";
import type { DiskImage } from "./image.ts";
import { ImageError } from "./image_error.ts";
import type { ParentSpec } from "./image_spec.ts";

/**
 * How a child names its parent: always in Windows notation.
 *
 * @param path The child, for errors.
 * @param folder The real path of the child's folder.
 * @throws {ImageError} `ERROR_INVALID_NAME` where the way to the parent cannot be expressed.
 */
export function parentSpec(path: string, folder: string, parent: DiskImage): ParentSpec {
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
