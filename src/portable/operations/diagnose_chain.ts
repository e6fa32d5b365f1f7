/**
 * What is the matter with the parents of a differencing image.
 *
 * @module
 */
import { VirtualDiskError } from "../../errors/error.ts";
import { failureFinding, type Finding, finding } from "../../disk/finding.ts";
import { dirname, join } from "../../text/paths.ts";
import { virtdiskCommand } from "../../text/shell.ts";
import { isExpectedParent } from "../chain/ancestors.ts";
import { ImageChain } from "../chain/chain.ts";
import { formatOfExtension, openImage } from "../formats.ts";
import type { DiskImage } from "../image/image.ts";
import { ImageError } from "../file/image_error.ts";
import { fileIdentity, ImageFile } from "../file/image_file.ts";
import type { ParentCandidate } from "../chain/parent_paths.ts";

/** 2000-01-01T00:00:00Z in milliseconds: where the time stamps of VHD begin. */
const VHD_EPOCH = Date.UTC(2000, 0, 1);
const SET_PARENT = 'setInformation("parentPath", ...)';
/** Folders with more images are not searched to the end. */
const MAX_IMAGES = 1000;
/** Seconds: file systems and copies round. */
const TIME_TOLERANCE = 2;
const OPEN = {
  format: undefined,
  ignoreRelative: false,
  writableDepth: 0,
  sharing: "everyone",
} as const;

/** What was found, and the parents if they are all there. */
export interface ChainDiagnosis {
  readonly findings: readonly Finding[];
  /** The nearest first. */
  readonly parents: readonly string[];
}

/**
 * Looks for the parents.
 *
 * @throws {Deno.errors.NotCapable} Without `--allow-read` for them.
 */
export function diagnoseChain(path: string): ChainDiagnosis {
  try {
    using chain = ImageChain.open(path, { ...OPEN, noParents: false });
    const parents = chain.images.slice(1).map((image) => image.source.path);
    const list = parents.map((parent) => JSON.stringify(parent)).join(", ");
    const found = finding("info", "parent", path, `all parents are there: ${list}`);
    return { findings: [found, ...timeFindings(chain)], parents };
  } catch (caught) {
    if (!(caught instanceof ImageError)) throw caught;
    const failure = caught.toVirtualDiskError("OpenVirtualDisk");
    // The child itself keeps the name that it was given.
    const child = failure.path === undefined || failure.path === Deno.realPathSync(path)
      ? path
      : failure.path;
    const found = findParentBeside(child);
    const remedy = found === undefined
      ? {}
      : { remedy: `It is at ${JSON.stringify(found)}: say so in the child: ${SET_PARENT}.` };
    const command = commandFor(child, found, failure);
    const error = { ...failureFinding("error", "parent", child, failure, command), ...remedy };
    return { findings: [error, ...candidateFindings(child)], parents: [] };
  }
}

/** What to type: about the parent that was found, about the one that is damaged, or what the child says. */
function commandFor(child: string, found: string | undefined, failure: VirtualDiskError): string {
  if (found !== undefined) return virtdiskCommand("rebase", [], [child, found]);
  const damagedParent = failure.cause instanceof VirtualDiskError ? failure.cause.path : undefined;
  if (damagedParent !== undefined) return virtdiskCommand("diagnose", [], [damagedParent]);
  return virtdiskCommand("info", ["--no-parents"], [child]);
}

/** An image beside the child that is the very disk that it expects, under whatever name. */
function findParentBeside(childPath: string): string | undefined {
  const folder = dirname(childPath);
  if (Deno.permissions.querySync({ name: "read", path: folder }).state !== "granted") {
    return undefined;
  }
  try {
    using file = ImageFile.open(childPath, { sharing: "everyone" });
    const child = openImage(file);
    let looked = 0;
    for (const { name, isFile } of Deno.readDirSync(folder)) {
      if (!isFile || formatOfExtension(name) !== child.format) continue;
      if (++looked > MAX_IMAGES) return undefined;
      const path = join(folder, name);
      if (isParent(child, path)) return path;
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    // The child does not open alone, or its folder cannot be listed: then nothing is found.
  }
  return undefined;
}

function isParent(child: DiskImage, path: string): boolean {
  try {
    if (fileIdentity(path) === fileIdentity(child.source.path)) return false;
    using file = ImageFile.open(path, { sharing: "everyone" });
    return isExpectedParent(child, openImage(file));
  } catch (error) {
    if (error instanceof ImageError) return false;
    throw error;
  }
}

/** Every place where the parent was looked for. */
function candidateFindings(childPath: string): Finding[] {
  try {
    using child = ImageChain.open(childPath, { ...OPEN, noParents: true });
    return child.candidates.map((candidate) =>
      finding("info", "parent", childPath, `looked for the parent at ${outcomeOf(candidate)}`)
    );
  } catch (error) {
    // The file that failed is the damaged parent itself: it names nobody.
    if (error instanceof ImageError) return [];
    throw error;
  }
}

function outcomeOf({ path, locator, refusal }: ParentCandidate): string {
  if (path === undefined) return `${JSON.stringify(locator.path)}: ${refusal}`;
  return `${JSON.stringify(path)}: ${isThere(path) ? "a file is there" : "no file is there"}`;
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}

/** Windows refuses a VHD whose parent has another time stamp than the child remembers. */
function timeFindings({ images }: ImageChain): Finding[] {
  return images.flatMap((child, index) => {
    const parent = images[index + 1];
    const expected = child.parent?.timestamp;
    if (parent === undefined || expected === undefined || expected === 0) return [];
    const { path } = parent.source;
    const { mtime } = Deno.statSync(path);
    if (
      mtime === null || Math.abs((mtime.getTime() - VHD_EPOCH) / 1000 - expected) <= TIME_TOLERANCE
    ) return [];
    return [
      finding(
        "warning",
        "parent",
        path,
        `the file has changed since ${JSON.stringify(child.source.path)} was made from it`,
        {
          symbol: "ERROR_VHD_CHILD_PARENT_TIMESTAMP_MISMATCH",
          remedy: "If only its time stamp has changed (a copy), set the parent anew: " +
            `${SET_PARENT}. Else restore the parent.`,
          command: virtdiskCommand("rebase", [], [child.source.path, path]),
        },
      ),
    ];
  });
}
