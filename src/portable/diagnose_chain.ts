/**
 * What is the matter with the parents of a differencing image.
 *
 * @module
 */
import { failureFinding, type Finding, finding } from "../finding.ts";
import { ImageChain } from "./chain.ts";
import { ImageError } from "./image_error.ts";
import type { ParentCandidate } from "./parent_paths.ts";

/** 2000-01-01T00:00:00Z in milliseconds: where the time stamps of VHD begin. */
const VHD_EPOCH = Date.UTC(2000, 0, 1);
/** Seconds: file systems and copies round. */
const TIME_TOLERANCE = 2;
const OPEN = {
  format: undefined,
  ignoreRelative: false,
  writableDepth: 0,
  sharing: "everyone",
} as const;

/**
 * Looks for the parents.
 *
 * @throws {Deno.errors.NotCapable} Without `--allow-read` for them.
 */
export function diagnoseChain(path: string): Finding[] {
  try {
    using chain = ImageChain.open(path, { ...OPEN, noParents: false });
    const parents = chain.images.slice(1).map((image) => image.source.path);
    const list = parents.map((parent) => JSON.stringify(parent)).join(", ");
    return [
      finding("info", "parent", path, `all parents are there: ${list}`),
      ...timeFindings(chain),
    ];
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    const failure = error.toVirtualDiskError("OpenVirtualDisk");
    // The child itself keeps the name that it was given.
    const child = failure.path === undefined || failure.path === Deno.realPathSync(path)
      ? path
      : failure.path;
    return [failureFinding("error", "parent", child, failure), ...candidateFindings(child)];
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
          remedy: "Where only its time stamp has changed (a copy), set the parent anew: " +
            'setInformation("parentPath", ...). Else restore the parent.',
        },
      ),
    ];
  });
}
