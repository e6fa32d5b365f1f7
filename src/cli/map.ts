/**
 * The `map` command: where the bytes of a disk are.
 *
 * @module
 */
import { type Extent, openVirtualDisk, type PortableVirtualDisk } from "../../portable.ts";
import { assertBeginsIn, flag, QUIET, range, TYPE } from "./arguments.ts";
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
    freeSpace: flag("say also which pieces the file systems on the disk leave free"),
    type: TYPE,
    quiet: QUIET,
    json: flag(
      "one JSON object per piece and line: path, kind, offset, length, file, fileOffset, reason, free",
    ),
  },
  permissions: [{ kind: "read", scope: "FILE and its parents" }],
  examples: [
    ["map child.vhdx", "Which bytes are in the child, and which in its parent?"],
    ["map --offset 1MiB --length 1MiB disk.vhdx", "A part of it"],
  ],
  run({ operands: [path], options: { noParents, freeSpace, type, offset, length }, report }) {
    const range = { offset: offset ?? 0, ...(length === undefined ? {} : { length }) };
    return report.interruptible(() => path, async (signal) => {
      try {
        using disk = await openVirtualDisk(path, {
          backend: "portable",
          flags: noParents ? ["no-parents"] : [],
          ...(type === undefined ? {} : { type }),
        });
        assertBeginsIn(disk.getInformation("size"), range.offset);
        let count = 0;
        const pieces = freeSpace ? marked(disk, range) : disk.extents(range);
        for await (const piece of pieces) {
          report.tell(path, facts(piece), () => describe(piece));
          if (++count % PIECES_PER_TURN === 0) await new Promise((resolve) => setTimeout(resolve));
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

/** A piece, and with --free-space whether the file systems say that it is free. */
type Piece = Extent & { readonly free?: boolean };

/** The pieces, parted where free ranges begin and end. */
async function* marked(
  disk: PortableVirtualDisk,
  range: { readonly offset: number; readonly length?: number },
): AsyncGenerator<Piece> {
  const ranges = (await disk.freeSpace())[Symbol.asyncIterator]();
  let next = await ranges.next();
  for (const extent of disk.extents(range)) {
    const end = extent.offset + extent.length;
    for (let offset = extent.offset; offset < end;) {
      while (!next.done && next.value.offset + next.value.length <= offset) {
        next = await ranges.next();
      }
      const start = next.done ? Infinity : next.value.offset;
      const free = start <= offset;
      const limit = next.done ? end : free ? start + next.value.length : start;
      const length = Math.min(end, limit) - offset;
      yield { ...part(extent, offset, length), free };
      offset += length;
    }
  }
}

function part(extent: Extent, offset: number, length: number): Extent {
  if (extent.kind === "zero" || extent.fileOffset === undefined) {
    return { ...extent, offset, length };
  }
  return { ...extent, offset, length, fileOffset: extent.fileOffset + offset - extent.offset };
}

/** `path` is the disk; the file that holds the bytes has another name. */
function facts(extent: Piece): object {
  if (extent.kind === "zero") return extent;
  const { path: file, ...rest } = extent;
  return { ...rest, file };
}

function describe(extent: Piece): string {
  return placeOf(extent) + (extent.free === true ? " (free)" : "");
}

function placeOf(extent: Extent): string {
  const range = `${extent.offset} ${extent.length}`;
  if (extent.kind === "zero") return `${range} ${extent.reason ?? "unallocated"}`;
  if (extent.path === undefined) return `${range} absent`;
  return `${range} ${extent.fileOffset} ${extent.path}`;
}
