/**
 * The images that have another one as their parent. Nothing in a parent names its children, so they are
 * looked for where they mostly are: in the same folder.
 *
 * @module
 */
import type { ErrorSymbol } from "../../errors/codes.ts";
import { basename, dirname, join } from "../../text/paths.ts";
import { formatNamed, formatOf, formatOfExtension, openImage } from "../formats.ts";
import { fileOperation } from "../file/file_operation.ts";
import type { DiskImage } from "../image/image.ts";
import { ImageError } from "../file/image_error.ts";
import { fileIdentity, ImageFile } from "../file/image_file.ts";

/** More images in a folder are not searched: each takes about a tenth of a millisecond, on a network more. */
const MAX_IMAGES = 1000;

/** A file or folder that is gone, or a link that leads nowhere. */
const ABSENT: ReadonlySet<ErrorSymbol> = new Set([
  "ERROR_FILE_NOT_FOUND",
  "ERROR_PATH_NOT_FOUND",
  "ERROR_BAD_PATHNAME",
]);

/** What to do about what the system says of a file or folder; else its disk is at fault. */
const ADVICE: Partial<Record<ErrorSymbol, string>> = {
  ERROR_ACCESS_DENIED: "Run this as a user who may read it",
  ERROR_SHARING_VIOLATION: "Close it in the program that has it open",
  ERROR_TOO_MANY_OPEN_FILES: "Close some of the files that the process has open",
};

/**
 * Refuses a change that would leave children with a parent which is no longer theirs, or of which it cannot
 * be found out whether it would.
 *
 * @param except Children whose turn it is to change.
 * @throws {ImageError} `ERROR_VHD_INVALID_STATE`, with the children's names, or with what is in the way.
 */
export function assertChildless(image: DiskImage, except: readonly DiskImage[] = []): void {
  // Nobody can name what has no path as a parent, and it has no folder to look in.
  if (image.source.origin !== undefined) return;
  const excepted = except.filter(({ source }) => source.origin === undefined)
    .map(({ source }) => fileIdentity(source.path));
  const children = childrenOf(image).filter((path) => !excepted.includes(fileIdentity(path)));
  if (children.length === 0) return;
  const stillOpen = formatOf(image).differencing?.keepsIdentifier;
  const loss = stillOpen ? ": where they still open, they show a mix" : "";
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

/**
 * The paths of the images in the folder of `image` whose parent it is, by identifier. Files that are no
 * sound images are nobody's children.
 *
 * @throws {ImageError} `ERROR_VHD_INVALID_STATE` if the folder cannot be searched to the end.
 */
function childrenOf(image: DiskImage): string[] {
  const { source: { path }, identifier } = image;
  if (identifier === undefined) return [];
  const own = fileIdentity(path);
  return imagesBeside(path).filter((other) => {
    try {
      if (fileIdentity(other) === own) return false;
      using file = ImageFile.open(other, { sharing: "everyone" });
      return openImage(file).parent?.identifiers.includes(identifier) === true;
    } catch (error) {
      const cause = obstacle(error);
      if (cause === undefined) return false;
      const { reason, advice } = cause;
      throw uncertain(path, `${JSON.stringify(other)} cannot be read (${reason})`, advice);
    }
  });
}

/** The images in the folder of one, and that one. */
function imagesBeside(path: string): string[] {
  const folder = dirname(path);
  const name = JSON.stringify(folder);
  // On a terminal, listing would ask for the permission: a question that nobody there could understand.
  if (Deno.permissions.querySync({ name: "read", path: folder }).state !== "granted") {
    const reason = `there is no permission to look into the folder ${name}`;
    throw uncertain(path, reason, `Allow it to be read, with ${allowRead(folder)}`);
  }
  const images: string[] = [];
  let isListed = false;
  try {
    fileOperation(folder, () => {
      for (const entry of Deno.readDirSync(folder)) {
        isListed ||= entry.name === basename(path);
        const format = formatOfExtension(entry.name);
        if (entry.isDirectory || format === undefined) continue;
        if (formatNamed(format).differencing === undefined) continue;
        images.push(join(folder, entry.name));
        if (images.length > MAX_IMAGES) break;
      }
    });
  } catch (error) {
    const cause = obstacle(error);
    if (cause === undefined) throw error;
    throw uncertain(path, `the folder ${name} cannot be read (${cause.reason})`, cause.advice);
  }
  // Deno gives what it has when the system fails to list a folder to its end.
  if (!isListed && images.length <= MAX_IMAGES) {
    const reason = `the folder ${name} was not listed to its end: the disk itself is missing there`;
    throw uncertain(path, reason, "Look at the health of the disk under it");
  }
  if (images.length > MAX_IMAGES) {
    const reason =
      `the folder ${name} has more than ${MAX_IMAGES} images, which are not all looked at`;
    throw uncertain(path, reason, "Move the disk and its children into a folder of their own");
  }
  return images.sort();
}

/** What keeps a file or folder from being looked at; `undefined` if it was looked at, or is gone. */
function obstacle(error: unknown): { reason: string; advice: string } | undefined {
  if (error instanceof Deno.errors.NotCapable) {
    return { reason: error.message, advice: "Allow it to be read" };
  }
  if (!(error instanceof ImageError)) throw error;
  const { symbol, options: { cause } } = error;
  // An error without a cause is about the contents: they were read, and are no sound image.
  if (cause === undefined || ABSENT.has(symbol)) return undefined;
  return { reason: symbol, advice: ADVICE[symbol] ?? "Look at the health of the disk under it" };
}

function uncertain(path: string, why: string, advice: string): ImageError {
  return new ImageError("ERROR_VHD_INVALID_STATE", {
    path,
    reason:
      `images that have this disk as their parent would become invalid, and whether there are any ` +
      `cannot be found out: ${why}`,
    causes: [`${advice}; or pass \`ignoreChildren\` if the disk has no children.`],
  });
}

/** The flag in the words of a shell; Deno takes a doubled comma for one. */
function allowRead(path: string): string {
  const value = path.replaceAll(",", ",,");
  return /^[\w./:\\-]+$/.test(value) ? `--allow-read=${value}` : `"--allow-read=${value}"`;
}
