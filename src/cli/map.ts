/**
 * The `map` command: where the bytes of a disk are.
 *
 * @module
 */
import { type DiskDamage, openVirtualDisk, type PortableVirtualDisk } from "../../portable.ts";
import { assertBeginsIn, flag, path, QUIET, range, TYPE, word } from "./arguments.ts";
import { command } from "./command.ts";
import {
  assertSalvageable,
  ASSUMED,
  damageStatus,
  LOST_STATUS,
  tellOnStandardError,
  tolerance,
} from "./damage.ts";
import type { Command } from "./declaration.ts";
import { UsageError } from "./failure.ts";
import { draw, type Shape, STANDARD } from "./map_drawing.ts";
import { printPieces, type Range, type Watch } from "./map_pieces.ts";
import type { Report } from "./report.ts";
import { sourceOf, URL_PERMISSION } from "./url_operand.ts";

const map: Command = command({
  about:
    "Shows where the bytes of a disk are. On a terminal it draws the disk in cells: what is in the file and in each " +
    "of its parents, what is zeros, and what is in a file although the file systems on the disk leave it free. " +
    "Elsewhere it prints each piece of the disk: offset and length in bytes, and the file and the offset in it; " +
    "or, if the piece is zeros: zero (the file says so), trimmed, or unallocated. With --salvage it shows what is " +
    "lost of a damaged disk.",
  operands: "FILE",
  options: {
    ...range("where to begin", "how many bytes; default: to the end"),
    noParents: flag("open the file alone: what it does not hold is absent, with --salvage lost"),
    as: word(
      "WORD",
      ["picture", "totals", "pieces"],
      "picture, totals or pieces; default: picture on a terminal, pieces elsewhere and with --json",
    ),
    svg: path(
      "PICTURE",
      "draw it into this file, whose name ends in .svg, in place of an older one; - for standard output",
    ),
    freeSpace: flag(
      "say also of pieces whether the file systems on the disk leave them free, as a picture does",
    ),
    salvage: flag("map a damaged image: what cannot be read any more is lost, with the reason"),
    ...ASSUMED,
    type: TYPE,
    quiet: QUIET,
    json: flag(
      "one JSON object per piece and line: path, kind, offset, length, file, fileOffset, reason, free; with " +
        "--as totals or --svg one for all: path, offset, length, files, damage, and how many bytes are what",
    ),
  },
  permissions: [
    { kind: "read", scope: "FILE and its parents" },
    { kind: "write", scope: "PICTURE", with: ["--svg"] },
    URL_PERMISSION,
  ],
  notes:
    "A cell shows what most of what is stored in it is; only if nothing is, which zeros; and lost if anything of it " +
    "is. A block is out of order if " +
    "it does not lie in the file behind the one that comes before it on the disk, with at most the length of a " +
    "block between them. The fragmentation is the part of all blocks that are out of order: at 0 % the file is " +
    "in the order of the disk, at 100 % each block means a jump. Fixed and raw disks, and ISO images, have none.",
  examples: [
    ["map child.vhdx", "Which bytes are in the child, and which in its parent?"],
    ["map --svg disk.svg disk.vhdx", "A picture for a page"],
    ["map --as totals child.vhdx", "How much is where, and how scattered is it?"],
    ["map --salvage broken.vhdx", "What is lost, and where?"],
    ["map --as pieces --offset 1MiB --length 1MiB disk.vhdx", "A part of it, piece by piece"],
  ],
  statuses: { 1: `with --salvage: ${LOST_STATUS}` },
  run({ operands: [path], options, report }) {
    const { noParents, freeSpace, salvage, type, offset = 0, length, svg } = options;
    const { size, blockSize, sectorSize } = options;
    const assume = { size, blockSize, sectorSize };
    assertSalvageable("map", path, { salvage, ...assume });
    if (salvage && freeSpace) {
      throw new UsageError(
        "map: what a damaged disk says is free is not believed: leave out --free-space or --salvage",
      );
    }
    const shape = shapeOf(options, report);
    return report.interruptible(() => path, async (signal) => {
      try {
        using disk = await openVirtualDisk(sourceOf(path), {
          backend: "portable",
          flags: noParents ? ["no-parents"] : [],
          ...(type === undefined ? {} : { type }),
          ...tolerance(salvage, assume),
        });
        assertBeginsIn(disk.getInformation("size"), offset);
        const range = { offset, ...(length === undefined ? {} : { length }) };
        const damage = salvage ? await damageIn(disk, range, { signal, report }) : undefined;
        if (shape === "pieces" && svg === undefined) {
          await printPieces(path, disk, range, { freeSpace, signal, report });
          if (damage !== undefined && !report.json && !report.quiet) {
            tellOnStandardError(path, damage);
          }
        } else {
          await draw(path, disk, range, { shape, svg, damage, signal, report });
        }
        return damage === undefined ? 0 : damageStatus(damage);
      } catch (error) {
        signal.throwIfAborted();
        return report.fail(path, error);
      }
    });
  },
});

export default map;

/** @throws {UsageError} If the options exclude each other. */
function shapeOf(
  { as, svg }: { readonly as?: Shape; readonly svg?: string },
  { json }: Report,
): Shape {
  if (svg !== undefined) {
    if (as !== undefined) throw new UsageError("map: --svg and --as exclude each other");
    if (svg === STANDARD && json) {
      throw new UsageError("map: --json and a picture cannot both go to standard output");
    }
    if (svg !== STANDARD && !/\.svg$/i.test(svg)) {
      throw new UsageError(
        `map: the picture must have a name that ends in .svg, not ${JSON.stringify(svg)}`,
      );
    }
    return "totals";
  }
  if (json && as === "picture") {
    throw new UsageError("map: --json has pieces or totals, and no picture");
  }
  return as ?? (Deno.stdout.isTerminal() && !json ? "picture" : "pieces");
}

async function damageIn(
  disk: PortableVirtualDisk,
  range: Range,
  { signal, report }: Watch,
): Promise<DiskDamage> {
  using bar = report.progressBar();
  return await disk.damage({ ...range, signal, onProgress: bar.show });
}
