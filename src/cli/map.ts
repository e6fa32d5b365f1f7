/**
 * The `map` command: where the bytes of a disk are.
 *
 * @module
 */
import { type Extent, openVirtualDisk } from "../../portable.ts";
import { assertBeginsIn, flag, range, TYPE } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";

/** Pieces between which Ctrl-C is heard. */
const PIECES_PER_TURN = 1000;

const map: Command = command({
  about:
    "Prints each piece of the disk: offset and length in bytes, and the file and the offset in it; or, if the " +
    "piece is zeros: zero (the file says so), trimmed, or unallocated.",
  operands: "FILE",
  options: {
    ...range("where to begin", "how many bytes; default: to the end"),
    noParents: flag("open the file alone: what it does not hold is absent"),
    type: TYPE,
    json: flag(
      "one JSON object per piece and line: path, kind, offset, length, file, fileOffset, reason",
    ),
  },
  permissions: [{ kind: "read", scope: "FILE and its parents" }],
  examples: [
    ["map child.vhdx", "Which bytes are in the child, and which in its parent?"],
    ["map --offset 1MiB --length 1MiB disk.vhdx", "A part of it"],
  ],
  run({ operands: [path], options: { noParents, type, offset, length }, report }) {
    const range = { offset: offset ?? 0, ...(length === undefined ? {} : { length }) };
    return report.interruptible(() => path, async (signal) => {
      try {
        using disk = await openVirtualDisk(path, {
          backend: "portable",
          flags: noParents ? ["no-parents"] : [],
          ...(type === undefined ? {} : { type }),
        });
        assertBeginsIn(disk.getInformation("size"), range.offset);
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
  },
});

export default map;

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
