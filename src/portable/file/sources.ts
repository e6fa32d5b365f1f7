/**
 * Opens what images are read from, other than by a path.
 *
 * @module
 */
import {
  type FetchedSource,
  type HostSource,
  isFetchedSource,
  nameOfSource,
} from "../../disk/disk_source.ts";
import type { OpenFile } from "./byte_source.ts";
import { blobFetcher, FetchedFile, onlyRead } from "./fetched_file.ts";
import { HandleFile, type HandleOptions } from "./handle_file.ts";
import { ImageError } from "./image_error.ts";

/**
 * What a chain is opened with: paths as they are, all else open.
 *
 * @throws {ImageError} `ERROR_NOT_SUPPORTED` for what has to be fetched, which takes a while.
 */
export function openSourceFileSync(
  source: HostSource,
  options: HandleOptions = {},
): string | OpenFile {
  if (typeof source === "string") return source;
  if (!isFetchedSource(source)) return new HandleFile(source, options);
  throw new ImageError("ERROR_NOT_SUPPORTED", {
    path: nameOfSource(source),
    reason: "what the image is read from gives its bytes later, not at once",
    causes: ["Use `await openVirtualDisk()`."],
  });
}

/**
 * As {@linkcode openSourceFileSync}, for what has to be fetched too.
 *
 * @throws {ImageError} `ERROR_WRITE_PROTECT` if that is to be written.
 */
export async function openSourceFile(
  source: HostSource,
  options: HandleOptions = {},
): Promise<string | OpenFile> {
  if (typeof source === "string" || !isFetchedSource(source)) {
    return openSourceFileSync(source, options);
  }
  if (options.write) throw onlyRead(nameOfSource(source));
  return await openFetched(source, options.signal);
}

/**
 * Refuses to read what may be damaged from where it has to be fetched: what could not be fetched must never be taken
 * for what is lost.
 *
 * @throws {ImageError} `ERROR_NOT_SUPPORTED`
 */
export function assertNotFetched(sources: readonly HostSource[]): void {
  const fetched = sources.find((source) => typeof source !== "string" && isFetchedSource(source));
  if (fetched === undefined) return;
  throw new ImageError("ERROR_NOT_SUPPORTED", {
    path: nameOfSource(fetched),
    reason:
      "an image that may be damaged is read from a file or from memory, not while it is fetched",
    causes: ["Save the file to the disk, and open that."],
  });
}

/** As {@linkcode openSourceFile}, for several, of which all or none stay open. */
export async function openSourceFiles(
  sources: readonly HostSource[],
  options: HandleOptions = {},
): Promise<(string | OpenFile)[]> {
  const opened: (string | OpenFile)[] = [];
  try {
    for (const source of sources) opened.push(await openSourceFile(source, options));
    return opened;
  } catch (error) {
    closeFetched(opened);
    throw error;
  }
}

/** Ends what is being fetched for images that do not open. Handles are their owner's. */
export function closeFetched(files: readonly (string | OpenFile)[]): void {
  for (const file of files) if (file instanceof FetchedFile) file.close();
}

async function openFetched(
  source: FetchedSource,
  signal: AbortSignal | undefined,
): Promise<OpenFile> {
  if (source instanceof Blob) return new FetchedFile(blobFetcher(source, nameOfSource(source)));
  // Whoever opens files does not need it.
  const { HttpFetcher } = await import("./http_fetcher.ts");
  return new FetchedFile(await HttpFetcher.open(source, signal));
}
