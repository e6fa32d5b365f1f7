/**
 * Everything that can be learnt of an image by opening it.
 *
 * @module
 */
import {
  type DiskDetails,
  type IsoVolume,
  type OpenFlag,
  openVirtualDisk,
  PortableVirtualDisk,
  type VirtualDisk,
  VirtualDiskError,
  type VirtualDiskInformation,
} from "../../mod.ts";

/** How to open the image. */
export interface InspectOptions {
  readonly backend?: "native" | "portable";
  readonly noParents?: boolean;
  /** By default it is found out. */
  readonly type?: "iso" | "vhd" | "vhdx" | "raw";
}

/** What an image is. */
export interface Inspection {
  /** Its absolute path. */
  readonly path: string;
  readonly backend: "native" | "portable";
  readonly information: Partial<VirtualDiskInformation>;
  /** The parents' absolute paths, the nearest first. */
  readonly chain: readonly string[];
  /** ISO images, portable backend. */
  readonly isoVolume: IsoVolume | undefined;
  /** What the files say; on Windows only if this program may read them. */
  readonly details: DiskDetails | undefined;
}

/** The same as one object for programs. */
export function inspectionJson(
  { path, backend, information, chain, isoVolume, details }: Inspection,
): Record<string, unknown> {
  const [image, ...ancestors] = details?.images ?? [];
  return {
    path,
    backend,
    information,
    chain,
    ...(isoVolume === undefined ? {} : { isoVolume }),
    ...(image === undefined ? {} : {
      allocatedSize: image.allocatedSize,
      creator: image.creator,
      created: image.created,
      modified: image.modified,
      dirtyLog: image.dirtyLog,
      missingBytes: image.missingBytes,
      partitionTable: details?.partitionTable,
      ancestors,
    }),
  };
}

/** A chain that is longer is not followed: stored parent paths may form a circle. */
const MAX_DEPTH = 256;

/** Opens an image, asks it everything and closes it. */
export async function inspect(
  path: string,
  { noParents = false, ...options }: InspectOptions = {},
): Promise<Inspection> {
  const flags: OpenFlag[] = noParents ? ["no-parents"] : [];
  using disk = await openVirtualDisk(path, {
    getInfoOnly: true,
    flags,
    ...options,
  });
  if (disk instanceof PortableVirtualDisk) return inspectionOf(disk);
  const information = disk.information();
  return {
    path: disk.path,
    backend: disk.backend,
    information,
    chain: await parentPaths(disk, information),
    ...await readFiles(disk.path, flags),
  };
}

/** Windows does not say it, but the files do, for whoever may read them. */
async function readFiles(
  path: string,
  flags: readonly OpenFlag[],
): Promise<Pick<Inspection, "isoVolume" | "details">> {
  const { state } = await Deno.permissions.query({ name: "read", path });
  if (state !== "granted") return { isoVolume: undefined, details: undefined };
  try {
    using disk = await openVirtualDisk(path, { backend: "portable", getInfoOnly: true, flags });
    return { isoVolume: disk.isoVolume, details: disk.details() };
  } catch (error) {
    // A parent may lie where this program may not read, and a VHD Set is for Windows alone.
    if (!(error instanceof VirtualDiskError || error instanceof Deno.errors.NotCapable)) {
      throw error;
    }
    return { isoVolume: undefined, details: undefined };
  }
}

/** Asks an open disk everything. */
export function inspectionOf(disk: PortableVirtualDisk): Inspection {
  return {
    path: disk.path,
    backend: disk.backend,
    information: disk.information({ strict: true }),
    chain: disk.parents,
    isoVolume: disk.isoVolume,
    details: disk.details(),
  };
}

/** Windows tells each disk's own parent only. */
async function parentPaths(
  disk: VirtualDisk,
  information: Partial<VirtualDiskInformation>,
): Promise<string[]> {
  const paths: string[] = [];
  let location = information.parentLocation;
  while (location?.resolved && location.paths[0] !== undefined && paths.length < MAX_DEPTH) {
    const [path] = location.paths;
    paths.push(path);
    using parent = await openVirtualDisk(path, { backend: disk.backend, getInfoOnly: true });
    location = parent.information().parentLocation;
  }
  return paths;
}
