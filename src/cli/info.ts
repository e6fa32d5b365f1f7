/**
 * The `info` command: what images are.
 *
 * @module
 */
import {
  type OpenFlag,
  openVirtualDisk,
  VirtualDiskError,
  type VirtualDiskInformation,
} from "../../portable.ts";
import type { VirtualDisk } from "../../mod.ts";
import { flag, QUIET, TYPE, word } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { UsageError } from "./failure.ts";
import { describe, type Inspection, inspectionJson, inspectionOf } from "./inspection.ts";
import { defaultBackend } from "./program.ts";
import { isUrl, sourceOf, URL_PERMISSION } from "./url_operand.ts";

const info: Command = command({
  about:
    "Prints what images are: format, sizes, identifiers, partitions, and their parents. With --tree it draws the " +
    "chains of differencing images in folders, and says which links are broken, what to do, and how to merge.",
  operands: "FILE...",
  options: {
    quiet: QUIET,
    json: flag(
      "one JSON object per file and line: path, backend, information, chain, isoVolume, allocatedSize, " +
        "creator, created, modified, dirtyLog, missingBytes, partitionTable, ancestors; with --tree: path, kind, " +
        "storedBytes, parent, children, depth, isWhole, merge, command and others",
    ),
    tree: flag(
      "draw the chains: FILE is a folder, or an image whose folder is looked at if this program may read it",
    ),
    noParents: flag("open each file alone, for a child whose parent is missing"),
    type: TYPE,
    backend: word(
      "BACKEND",
      ["native", "portable"],
      "native or portable; default: native on Windows, if --allow-ffi allows it",
    ),
  },
  permissions: [
    {
      kind: "read",
      scope: "each FILE and its parents; with --tree the folder (--allow-read=FOLDER)",
    },
    { kind: "ffi", scope: "what Windows says", with: ["--backend native"] },
    URL_PERMISSION,
  ],
  examples: [
    ["info disk.vhdx child.vhdx", "What are these?"],
    ["info --json disk.vhdx", "The same for a program"],
    ["info --quiet disk.vhdx && echo opens", "Does it open?"],
    ["info --tree .", "Which chains are in this folder, and are they whole?"],
    ["info --tree child.vhdx", "Where in its chain is this image?"],
  ],
  notes:
    "With --tree the leaf of a chain is the disk as it is now: what a machine uses, and what is to be opened. Files " +
    "of Hyper-V are told by their names: .avhdx are states of checkpoints, .vhds a VHD Set, .rct and .mrt change " +
    "tracking. What has other children must not change, so merging ends there.",
  statuses: {
    1: "with --tree, a link is broken or not known, or a file cannot be read",
    2: "a file that is named does not open or the command line is wrong",
  },
  async run({ operands, options: { json: _, quiet: __, tree, ...options }, report, commands }) {
    if (tree) {
      assertAlone(options);
      const { printTree } = await import("./tree.ts");
      return await printTree(operands, report, commands);
    }
    let status = 0;
    let separator = "";
    for (const file of operands) {
      try {
        const inspection = await inspect(file, options);
        report.tell(file, inspectionJson(inspection), () => separator + describe(inspection));
        separator = "\n";
      } catch (error) {
        status = report.fail(file, error);
      }
    }
    return status;
  },
});

export default info;

/** @throws {UsageError} If there are options that are about opening one image. */
function assertAlone({ noParents, type, backend }: InspectOptions): void {
  const given = [
    ...(noParents ? ["--no-parents"] : []),
    ...(type === undefined ? [] : ["--type"]),
    ...(backend === "native" ? ["--backend native"] : []),
  ];
  if (given.length > 0) throw new UsageError(`info: --tree and ${given[0]} exclude each other`);
}

/** How to open the image. */
interface InspectOptions {
  readonly backend?: "native" | "portable";
  readonly noParents: boolean;
  /** By default it is found out. */
  readonly type?: "iso" | "vhd" | "vhdx" | "raw";
}

/** A chain that is longer is not followed: stored parent paths may form a circle. */
const MAX_DEPTH = 256;

/** Opens an image, asks it everything and closes it. */
async function inspect(
  path: string,
  { noParents, backend = isUrl(path) ? "portable" : defaultBackend(), ...options }: InspectOptions,
): Promise<Inspection> {
  const flags: OpenFlag[] = noParents ? ["no-parents"] : [];
  if (backend === "portable") {
    using disk = await openVirtualDisk(sourceOf(path), { getInfoOnly: true, flags, ...options });
    return await disk.fetched(inspectionOf);
  }
  // The code of the native backend, which nobody else needs.
  const { openVirtualDisk: open } = await import("../../mod.ts");
  using disk = await open(sourceOf(path), { getInfoOnly: true, flags, backend, ...options });
  const information = disk.information();
  return {
    path: disk.path,
    backend: disk.backend,
    information,
    chain: await parentPaths(
      (parent) => open(parent, { backend, getInfoOnly: true }),
      information,
    ),
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

/** Windows tells each disk's own parent only. */
async function parentPaths(
  open: (path: string) => Promise<VirtualDisk>,
  information: Partial<VirtualDiskInformation>,
): Promise<string[]> {
  const paths: string[] = [];
  let location = information.parentLocation;
  while (location?.resolved && location.paths[0] !== undefined && paths.length < MAX_DEPTH) {
    const [path] = location.paths;
    paths.push(path);
    using parent = await open(path);
    location = parent.information().parentLocation;
  }
  return paths;
}
