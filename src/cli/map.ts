/**
 * The `map` command: where the bytes of a disk are.
 *
 * @module
 */
import { type Extent, openVirtualDisk } from "../../mod.ts";
import { exactly, parseArguments, present, word } from "./arguments.ts";
import { assertBeginsIn, RANGE_OPTIONS, rangeOptions } from "./range_options.ts";
import { Report } from "./report.ts";

/** How the command is called. */
export const MAP_USAGE = `virtdisk map [OPTION...] FILE
  prints each piece of the disk: offset and length in bytes, and the file and the offset in it; or zeros:
  zero (the file says so), trimmed, or unallocated
  --offset SIZE       where to begin; default: 0
  --length SIZE       how far; default: to the end
  --no-parents        open the file alone: what it has not is absent
  --type TYPE         vhd, vhdx, iso or raw; default: found out, but raw only if you say so
  --json              one JSON object per piece and line: path, kind, offset, length, file, fileOffset, reason

Permissions: --allow-read for FILE and its parents.
Exit status: 0; 2 if it fails; 130 after Ctrl-C.`;

/** Pieces between which Ctrl-C is heard. */
const PIECES_PER_TURN = 1000;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function map(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("map", args, {
    ...RANGE_OPTIONS,
    "no-parents": { type: "boolean", default: false },
    type: { type: "string" },
    json: { type: "boolean", default: false },
  });
  const [path = ""] = exactly("map", positionals, "FILE");
  const range = present(rangeOptions(values));
  const type = word("--type", values.type, ["vhd", "vhdx", "iso", "raw"]);
  const report = new Report("map", { json: values.json });
  return await report.interruptible(() => path, async (signal) => {
    try {
      using disk = await openVirtualDisk(path, {
        backend: "portable",
        flags: values["no-parents"] ? ["no-parents"] : [],
        ...present({ type }),
      });
      assertBeginsIn(disk.getInformation("size"), range.offset ?? 0);
      let pieces = 0;
      for (const extent of disk.extents(range)) {
        report.tell(path, facts(extent), () => describe(extent));
        if (++pieces % PIECES_PER_TURN === 0) await new Promise((resolve) => setTimeout(resolve));
        signal.throwIfAborted();
      }
      return 0;
    } catch (error) {
      signal.throwIfAborted();
      return report.fail(path, error);
    }
  });
}

/** `path` is the disk; the file that holds the bytes has another name. */
function facts(extent: Extent): object {
  if (extent.kind === "zero") return extent;
  const { path: file, ...rest } = extent;
  return { ...rest, file };
}

function describe(extent: Extent): string {
  const range = `${extent.offset} ${extent.length}`;
  if (extent.kind === "zero") return `${range} ${extent.reason ?? "unallocated"}`;
  if (extent.path === undefined) return `${range} absent`;
  return `${range} ${extent.fileOffset} ${extent.path}`;
}
