/**
 * Where a differencing image's parent may be. What an image says of it is hostile input: it may name
 * devices, streams or servers, which would be opened with the rights of the script.
 *
 * @module
 */
import { dirname, join, wayFrom } from "../../text/paths.ts";
import { ImageError } from "../file/image_error.ts";
import type { DiskImage, ParentLink, ParentLocator, ParentSpec } from "../image/image.ts";

/** A locator, and the path of this system that it stands for. */
export interface ParentCandidate {
  readonly locator: ParentLocator;
  /** Absent where the locator means nothing here, or is refused. */
  readonly path: string | undefined;
  /** Why there is no path. */
  readonly refusal: string | undefined;
  /** Whether there is none because the locator is for another system. */
  readonly isForeign: boolean;
}

const IS_WINDOWS = Deno.build.os === "windows";

/** The places to look at, in the order of the image's locators. */
export function parentCandidates(
  childPath: string,
  link: ParentLink,
  ignoreRelative: boolean,
): ParentCandidate[] {
  const candidates = link.locators
    .filter((locator) => !(ignoreRelative && locator.kind === "relative"))
    .map((locator) => candidate(childPath, locator));
  // Several locators of an image often lead to the same file.
  return candidates.filter(({ path }, index) =>
    path === undefined || candidates.findIndex((other) => other.path === path) === index
  );
}

/** As a person or `getInformation("parentLocation")` wants it: a path of this system where there is one. */
export function candidateName({ locator, path }: ParentCandidate): string {
  return path ?? locator.path;
}

function candidate(childPath: string, locator: ParentLocator): ParentCandidate {
  const refusal = refusalOf(locator);
  const path = refusal === undefined ? hostPath(childPath, locator) : undefined;
  if (refusal === undefined && path === undefined) {
    const refusal = `means nothing on ${Deno.build.os}`;
    return { locator, path, refusal, isForeign: true };
  }
  return { locator, path, refusal, isForeign: false };
}

/** Why a stored path is not followed, whatever it leads to. */
function refusalOf({ kind, path }: ParentLocator): string | undefined {
  if (path === "" || path.includes("\0")) return "is empty or holds a NUL";
  const windows = path.replaceAll("/", "\\");
  if (kind === "relative" && /^(\\|[a-z]:)/i.test(windows)) return "is not relative";
  if (kind === "volume" || /^\\\\\?\\volume\{/i.test(windows)) {
    return /^\\\\\?\\volume\{[0-9a-f-]{36}\}\\[^:]+$/i.test(windows)
      ? undefined
      : "is not a file of a volume";
  }
  const plain = windows.replace(/^\\\\\?\\(?=[a-z]:\\)/i, "");
  // \\server\share, \\.\device, \\?\UNC\..., \\?\GLOBALROOT\...
  if (plain.startsWith("\\\\")) return "is a network or device path";
  const afterDrive = plain.replace(/^[a-z]:(?=\\)/i, "");
  if (afterDrive.includes(":") && (IS_WINDOWS || afterDrive !== plain)) {
    return "names a stream of a file";
  }
  return undefined;
}

/** The path on this system, or `undefined` where there is none. */
function hostPath(childPath: string, { kind, path }: ParentLocator): string | undefined {
  const folder = dirname(childPath);
  switch (kind) {
    case "relative":
      return join(folder, toHostSeparators(path));
    case "name":
      return join(folder, lastComponent(path));
    case "volume":
      return IS_WINDOWS ? path : undefined;
    case "absolute":
      if (IS_WINDOWS) return /^(\\\\\?\\)?[a-z]:\\/i.test(path) ? path : undefined;
      return path.startsWith("/") ? path : undefined;
  }
}

function toHostSeparators(path: string): string {
  return IS_WINDOWS ? path : path.replaceAll("\\", "/");
}

function lastComponent(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("\\"), path.lastIndexOf("/")) + 1);
}

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
  const way = wayFrom(folder, target);
  const relativePath = way === undefined ? undefined : windowsRelative(path, way, isWindows);
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
