/**
 * The images that have another one as their parent. Nothing in a parent names its children, so they are
 * looked for where they mostly are: in the same folder.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { formatOfExtension, openImage } from "./detect.ts";
import type { DiskImage } from "./image.ts";
import { ImageError } from "./image_error.ts";
import { fileIdentity, ImageFile } from "./image_file.ts";

/** Folders with more images are not searched to the end. */
const MAX_IMAGES = 1000;

/**
 * The paths of the images in the folder of `image` whose parent it is, by identifier.
 *
 * @returns None where the program may not read the folder: it is not asked for more permission. Files that
 * cannot be opened as images are nobody's children.
 */
export function childrenOf({ source: { path }, format, identifier }: DiskImage): string[] {
  if (identifier === undefined) return [];
  const children: string[] = [];
  for (const other of imagesBeside(path)) {
    if (formatOfExtension(other) !== format) continue;
    if (parentsOf(path, other).includes(identifier)) children.push(other);
  }
  return children;
}

/**
 * Refuses a change that would leave children with a parent which is no longer theirs.
 *
 * @param except Children whose turn it is to change.
 * @throws {ImageError} `ERROR_VHD_INVALID_STATE`, with the children's names.
 */
export function assertChildless(image: DiskImage, except: readonly DiskImage[] = []): void {
  const excepted = except.map(({ source }) => fileIdentity(source.path));
  const children = childrenOf(image).filter((path) => !excepted.includes(fileIdentity(path)));
  if (children.length === 0) return;
  // A VHD is told from others by an identifier that does not change with what it holds.
  const loss = image.format === "vhd" ? ": where they still open, they show a mix" : "";
  const names = children.map((path) => JSON.stringify(path)).join(", ");
  throw new ImageError("ERROR_VHD_INVALID_STATE", {
    path: image.source.path,
    reason: `the disk is the parent of ${names}, which would become invalid`,
    causes: [
      // Merging one of several into its parent is what the others are in the way of.
      "Give the children images of their own, by merge({ into }), or remove them first.",
      `Pass \`ignoreChildren\` to lose them${loss}.`,
    ],
  });
}

function imagesBeside(path: string): string[] {
  const folder = dirname(path);
  if (Deno.permissions.querySync({ name: "read", path: folder }).state !== "granted") return [];
  const images: string[] = [];
  try {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const isImage = !isDirectory && formatOfExtension(name) !== undefined;
      if (isImage && images.push(join(folder, name)) >= MAX_IMAGES) break;
    }
  } catch {
    // A folder that this user may enter but not list.
  }
  return images.sort();
}

/** The identifiers of which the image's parent has one. */
function parentsOf(path: string, other: string): readonly string[] {
  try {
    if (fileIdentity(other) === fileIdentity(path)) return [];
    using file = ImageFile.open(other, { sharing: "everyone" });
    return openImage(file).parent?.identifiers ?? [];
  } catch {
    return [];
  }
}
