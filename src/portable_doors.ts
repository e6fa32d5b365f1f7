/**
 * The doors of `./portable`: to the portable backend alone, on every system.
 *
 * @module
 */
import { type Backend, checkOptions, toHostPath } from "./disk/arguments.ts";
import {
  type ConversionReport,
  convertBy,
  type ConvertOptions,
  rebaseBy,
  type RebaseOptions,
  type RebaseReport,
} from "./disk/conversion.ts";
import { CREATE_OPTIONS, type CreateOptions } from "./disk/create_options.ts";
import {
  DIAGNOSE_OPTIONS,
  type DiagnoseOptions,
  type Diagnosis,
  diagnosisOf,
} from "./disk/finding.ts";
import type { DiskSource } from "./disk/disk_source.ts";
import { OPEN_OPTIONS, type OpenOptions } from "./disk/open_options.ts";
import { type OpenRequest, openRequest } from "./disk/open_request.ts";
import { virtualDiskError } from "./errors/error.ts";
import {
  openPortable,
  openPortableSync,
  type PortableVirtualDisk,
} from "./portable/portable_disk.ts";

/**
 * Opens an image without Windows, on every system. As `openVirtualDisk` of `@virtdisk/virtdisk` with
 * `{ backend: "portable" }`.
 *
 * @example The first sector
 * ```ts
 * import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk/portable";
 *
 * const path = `${await Deno.makeTempDir()}/disk.vhdx`;
 * (await createVirtualDisk(path, { size: "64MiB" })).close();
 * using disk = await openVirtualDisk(path);
 * console.log(await disk.read(new Uint8Array(512), 0)); // 512
 * ```
 *
 * @param source The image: a path, relative, absolute or a `file:` URL; or what has no path, see {@linkcode DiskSource}.
 * @param options How to open it.
 * @returns The open disk; close it with `using`.
 * @throws {VirtualDiskError} With the code that OpenVirtualDisk would return; no file stays open then.
 * @throws {TypeError | RangeError} If an argument is of the wrong kind.
 * @throws {Deno.errors.NotCapable} Without `--allow-read` for the image and its parents.
 *
 * @category Opening
 */
export async function openVirtualDisk(
  source: DiskSource,
  options?: OpenOptions<"auto" | "portable">,
): Promise<PortableVirtualDisk> {
  return await openPortable(portableRequest(source, options));
}

/**
 * As {@linkcode openVirtualDisk}, without a promise.
 *
 * @example What is in the file
 * ```ts
 * import { createVirtualDisk, openVirtualDiskSync } from "@virtdisk/virtdisk/portable";
 *
 * const path = `${await Deno.makeTempDir()}/disk.vhdx`;
 * (await createVirtualDisk(path, { size: "64MiB" })).close();
 * using disk = openVirtualDiskSync(path);
 * console.log(disk.format, disk.size); // vhdx 67108864
 * ```
 *
 * @param source The image: a path, relative, absolute or a `file:` URL; or what has no path, see {@linkcode DiskSource}.
 * @param options How to open it.
 * @returns The open disk; close it with `using`.
 * @throws {VirtualDiskError} As {@linkcode openVirtualDisk}.
 *
 * @category Opening
 */
export function openVirtualDiskSync(
  source: DiskSource,
  options?: OpenOptions<"auto" | "portable">,
): PortableVirtualDisk {
  return openPortableSync(portableRequest(source, options));
}

function portableRequest(
  source: DiskSource,
  options: OpenOptions<"auto" | "portable"> | undefined,
): OpenRequest {
  const checked = checkOptions<OpenOptions>(OPEN_OPTIONS, options, "openVirtualDisk");
  assertPortable(checked, "OpenVirtualDisk");
  return openRequest(source, checked);
}

/**
 * Creates a VHD, VHDX or raw image without Windows, on every system. As `createVirtualDisk` of `@virtdisk/virtdisk` with
 * `{ backend: "portable" }`.
 *
 * @example A disk, and a child of it
 * ```ts
 * import { createVirtualDisk } from "@virtdisk/virtdisk/portable";
 *
 * const folder = await Deno.makeTempDir();
 * (await createVirtualDisk(`${folder}/base.vhdx`, { size: "64MiB" })).close();
 * using child = await createVirtualDisk(`${folder}/child.vhdx`, { parent: `${folder}/base.vhdx` });
 * console.log(child.parents.length); // 1
 * ```
 *
 * @param path The new image: relative, absolute or a `file:` URL.
 * @param options What to create; `size`, `parent` or `source` is needed.
 * @returns The new disk, open for writing.
 * @throws {VirtualDiskError} As `createVirtualDisk` of `@virtdisk/virtdisk`.
 * @throws {TypeError | RangeError} If an option is of the wrong kind.
 * @throws {Deno.errors.NotCapable} Without `--allow-read` and `--allow-write` for the folder of the image.
 *
 * @category Creating
 */
export async function createVirtualDisk(
  path: string | URL,
  options: CreateOptions<"auto" | "portable">,
): Promise<PortableVirtualDisk> {
  const checked = checkOptions<CreateOptions>(CREATE_OPTIONS, options, "createVirtualDisk");
  assertPortable(checked, "CreateVirtualDisk");
  checked.signal?.throwIfAborted();
  const { createPortable } = await import("./portable/create.ts");
  return await createPortable(path, checked);
}

/**
 * Converts an image to another format or kind. As `convertVirtualDisk` of `@virtdisk/virtdisk` with
 * `{ backend: "portable" }`.
 *
 * @example A raw disk
 * ```ts
 * import { convertVirtualDisk, createVirtualDisk } from "@virtdisk/virtdisk/portable";
 *
 * const folder = await Deno.makeTempDir();
 * (await createVirtualDisk(`${folder}/disk.vhdx`, { size: "64MiB" })).close();
 * const { fileSize } = await convertVirtualDisk(`${folder}/disk.vhdx`, `${folder}/disk.img`);
 * console.log(fileSize); // 67108864
 * ```
 *
 * @param source An image, a raw disk with `sourceType: "raw"`, or a stream of one. An image need not be a file: see
 * {@linkcode DiskSource}.
 * @param target The new image; its extension is its format, unless `type` says it.
 * @param options What to make of it, how to watch and how to cancel.
 * @returns What was made.
 * @throws {VirtualDiskError} As {@linkcode createVirtualDisk}.
 *
 * @category Operations
 */
export function convertVirtualDisk(
  source: DiskSource | ReadableStream<Uint8Array>,
  target: string | URL,
  options?: ConvertOptions<"auto" | "portable">,
): Promise<ConversionReport> {
  const create = createVirtualDisk as (
    path: string | URL,
    options: CreateOptions,
  ) => Promise<PortableVirtualDisk>;
  return convertBy(create, source, target, options);
}

/**
 * Stores in a differencing image where its parent is. As `rebaseVirtualDisk` of `@virtdisk/virtdisk` with
 * `{ backend: "portable" }`.
 *
 * @example Try it first
 * ```ts
 * import { createVirtualDisk, rebaseVirtualDisk } from "@virtdisk/virtdisk/portable";
 *
 * const folder = await Deno.makeTempDir();
 * const [parent, child] = [`${folder}/base.vhdx`, `${folder}/child.vhdx`];
 * (await createVirtualDisk(parent, { size: "64MiB" })).close();
 * (await createVirtualDisk(child, { parent })).close();
 * const { parentIdentifier } = await rebaseVirtualDisk(child, { parent, dryRun: true });
 * console.log(parentIdentifier.length); // 36
 * ```
 *
 * @param child The image that is told.
 * @param options Where its parent is.
 * @returns What was stored, or would be.
 * @throws {VirtualDiskError} As `rebaseVirtualDisk` of `@virtdisk/virtdisk`.
 *
 * @category Operations
 */
export function rebaseVirtualDisk(
  child: string | URL,
  options: RebaseOptions<"auto" | "portable">,
): Promise<RebaseReport> {
  const open = openVirtualDisk as (
    path: string | URL,
    options: OpenOptions,
  ) => Promise<PortableVirtualDisk>;
  return rebaseBy(open, child, options);
}

/**
 * Finds out what keeps an image from being opened, without asking Windows. As `diagnose` of `@virtdisk/virtdisk` with
 * `{ backend: "portable" }`.
 *
 * @example What is wrong
 * ```ts
 * import { createVirtualDisk, diagnose } from "@virtdisk/virtdisk/portable";
 *
 * const path = `${await Deno.makeTempDir()}/disk.vhdx`;
 * (await createVirtualDisk(path, { size: "64MiB" })).close();
 * console.log((await diagnose(path)).verdict); // sound
 * ```
 *
 * @param path The image.
 * @param options How to watch and how to cancel.
 * @returns The verdict, and the findings, the worst first.
 * @throws {TypeError} If the path is none.
 * @throws {Deno.errors.NotCapable} Without `--allow-read`.
 *
 * @category Operations
 */
export async function diagnose(
  path: string | URL,
  options?: DiagnoseOptions<"auto" | "portable">,
): Promise<Diagnosis> {
  const hostPath = toHostPath(path);
  const checked = checkOptions<DiagnoseOptions>(DIAGNOSE_OPTIONS, options, "diagnose");
  assertPortable(checked, "OpenVirtualDisk");
  const { signal, onProgress } = checked;
  signal?.throwIfAborted();
  const { diagnosePortable } = await import("./portable/operations/diagnose.ts");
  return diagnosisOf(
    realPathOf(hostPath),
    await diagnosePortable(hostPath, { signal, onProgress }),
  );
}

/** Absolute if the file is there. */
export function realPathOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return path;
  }
}

function assertPortable(
  { backend }: { readonly backend?: Backend | undefined },
  operation: string,
) {
  if (backend !== "native") return;
  throw virtualDiskError("ERROR_NOT_SUPPORTED", operation, {
    reason: "this entry point has the portable backend alone",
    causes: ['The native backend is in "@virtdisk/virtdisk".'],
    backend: "portable",
  });
}
