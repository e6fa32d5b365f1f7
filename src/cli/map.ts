/**
 * The `map` command: where the bytes of a disk are.
 *
 * @module
 */
import {
  type DiskDamage,
  type DiskDetails,
  type DiskFreeSpace,
  type Extent,
  type FreeSpaceRange,
  openVirtualDisk,
  type PartitionSpace,
  type PortableVirtualDisk,
  VirtualDiskError,
} from "../../portable.ts";
import { roundBytes } from "../text/digits.ts";
import { assertBeginsIn, flag, path, QUIET, range, TYPE, word } from "./arguments.ts";
import { command } from "./command.ts";
import {
  assertSalvageable,
  ASSUMED,
  damageStatus,
  describeFindings,
  LOST_STATUS,
  tellOnStandardError,
  tolerance,
  totalOf,
} from "./damage.ts";
import type { Command } from "./declaration.ts";
import { DiskMap, type Piece } from "./disk_map.ts";
import { UsageError } from "./failure.ts";
import { shownName } from "./map_legend.ts";
import { columnsOf, legendText, picture, ROWS } from "./map_picture.ts";
import type { Report } from "./report.ts";
import { writeOut } from "./streams.ts";
import { type ProgressBar, wrapped } from "./terminal.ts";
import { sourceOf, URL_PERMISSION } from "./sources.ts";

/** Pieces between which Ctrl-C is heard. */
const PIECES_PER_TURN = 1000;
/** Cells in a row of a picture in a file. */
const SVG_COLUMNS = 88;
const STANDARD = "-";

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

type Shape = "picture" | "totals" | "pieces";

interface Range {
  readonly offset: number;
  readonly length?: number;
}

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

/** How a command line goes about it. */
interface Watch {
  readonly signal: AbortSignal;
  readonly report: Report;
}

async function damageIn(
  disk: PortableVirtualDisk,
  range: Range,
  { signal, report }: Watch,
): Promise<DiskDamage> {
  using bar = report.progressBar();
  return await disk.damage({ ...range, signal, onProgress: bar.show });
}

async function printPieces(
  path: string,
  disk: PortableVirtualDisk,
  range: Range,
  { freeSpace, signal, report }: Watch & { readonly freeSpace: boolean },
): Promise<void> {
  const pieces = freeSpace ? marked(disk, range, await disk.freeSpace()) : disk.extents(range);
  for await (const piece of paced(pieces, signal)) {
    report.tell(path, facts(piece), () => describe(piece));
  }
}

/** Lets Ctrl-C be heard now and then. */
async function* paced<T>(pieces: Iterable<T> | AsyncIterable<T>, signal: AbortSignal) {
  let count = 0;
  for await (const piece of pieces) {
    yield piece;
    if (++count % PIECES_PER_TURN === 0) await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
  }
}

async function draw(
  path: string,
  disk: PortableVirtualDisk,
  range: Range,
  { shape, svg, damage, signal, report }: Watch & {
    readonly shape: Shape;
    readonly svg?: string | undefined;
    readonly damage?: DiskDamage | undefined;
  },
): Promise<void> {
  const details = await disk.fetched((disk) => disk.details());
  const { virtualSize } = details.images[0];
  const { offset, length = virtualSize - offset } = range;
  const end = Math.min(virtualSize, offset + length);
  using bar = report.progressBar();
  // What a damaged disk says is free is not believed.
  const space: Space = damage === undefined ? await freeSpaceOf(disk, signal, bar) : {};
  const map = new DiskMap({
    offset,
    end,
    images: details.images,
    partitionTable: details.partitionTable,
    spaces: space.partitions,
    columns: svg === undefined ? columnsOf() : SVG_COLUMNS,
    rows: ROWS,
  });
  const pieces = space.ranges === undefined
    ? disk.extents({ offset, length: end - offset })
    : marked(disk, { offset, length: end - offset }, space.ranges);
  for await (const piece of paced(pieces, signal)) {
    map.add(piece);
    const completed = piece.offset + piece.length - offset;
    bar.show({ completed, total: end - offset, fraction: completed / (end - offset) });
  }
  bar[Symbol.dispose]();
  const heading = headingOf(details, offset, end);
  const notes = [
    ...(damage === undefined ? [] : [`${sentence(totalOf(damage))}.`]),
    ...(space.reason === undefined ? [] : [`Free space is not known: ${space.reason}.`]),
  ];
  const findings = describeFindings(damage?.findings ?? []);
  if (svg !== undefined) {
    const { svgPicture } = await import("./map_svg.ts");
    const bytes = new TextEncoder().encode(svgPicture(map, heading, notes));
    if (svg === STANDARD) writeOut(bytes);
    else Deno.writeFileSync(svg, bytes);
    if (svg === STANDARD) {
      if (damage !== undefined && !report.quiet) tellOnStandardError(path, damage);
      return;
    }
  }
  const { partitions } = space;
  const { lostBytesByReason: _, ...totals } = map.totals;
  report.tell(
    path,
    { ...totals, partitions, damage },
    () =>
      [
        shape === "picture"
          ? picture(map, heading, notes)
          : [heading, ...legendText(map.totals, notes)].join("\n"),
        ...findings.map(fittedFinding),
      ].join("\n"),
  );
}

/** A line in as many as it takes, with the indentation that it has. */
function fittedFinding(line: string): string {
  const text = line.trimStart();
  return wrapped(text, line.length - text.length);
}

function sentence(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}

/** What the file systems leave free, or why nobody knows. */
interface Space {
  readonly partitions?: readonly PartitionSpace[];
  readonly ranges?: AsyncIterable<FreeSpaceRange>;
  readonly reason?: string;
}

/** A picture can do without. */
async function freeSpaceOf(
  disk: PortableVirtualDisk,
  signal: AbortSignal,
  bar: ProgressBar,
): Promise<Space> {
  try {
    const ranges: DiskFreeSpace = await disk.freeSpace({ signal, onProgress: bar.show });
    return { partitions: ranges.partitions, ranges };
  } catch (error) {
    if (!(error instanceof VirtualDiskError)) throw error;
    return { reason: error.reason };
  }
}

/** `child.vhdx: VHDX, differencing, 64 MiB` */
function headingOf({ images: [image] }: DiskDetails, offset: number, end: number): string {
  const { path, format, subtype, virtualSize } = image;
  const kind = subtype === "unknown" ? "" : `, ${subtype}`;
  const part = end - offset === virtualSize
    ? ""
    : `, of which ${roundBytes(end - offset)} at ${roundBytes(offset)}`;
  return `${shownName(path)}: ${format.toUpperCase()}${kind}, ${roundBytes(virtualSize)}${part}`;
}

/** The pieces, parted where free ranges begin and end. */
async function* marked(
  disk: PortableVirtualDisk,
  range: Range,
  free: AsyncIterable<FreeSpaceRange>,
): AsyncGenerator<Piece> {
  const ranges = free[Symbol.asyncIterator]();
  let next = await ranges.next();
  for await (const extent of disk.extents(range)) {
    const end = extent.offset + extent.length;
    for (let offset = extent.offset; offset < end;) {
      while (!next.done && next.value.offset + next.value.length <= offset) {
        next = await ranges.next();
      }
      const start = next.done ? Infinity : next.value.offset;
      const isFree = start <= offset;
      const limit = next.done ? end : isFree ? start + next.value.length : start;
      const length = Math.min(end, limit) - offset;
      yield { ...part(extent, offset, length), free: isFree };
      offset += length;
    }
  }
}

function part(extent: Extent, offset: number, length: number): Extent {
  if (!("fileOffset" in extent) || extent.fileOffset === undefined) {
    return { ...extent, offset, length };
  }
  return { ...extent, offset, length, fileOffset: extent.fileOffset + offset - extent.offset };
}

/** `path` is the disk; the file that holds the bytes has another name. */
function facts(extent: Piece): object {
  if (extent.kind === "zero" || extent.kind === "lost") return extent;
  const { path: file, ...rest } = extent;
  return { ...rest, file };
}

function describe(extent: Piece): string {
  return placeOf(extent) + (extent.free === true ? " (free)" : "");
}

function placeOf(extent: Extent): string {
  const range = `${extent.offset} ${extent.length}`;
  if (extent.kind === "zero") return `${range} ${extent.reason ?? "unallocated"}`;
  if (extent.kind === "lost") return `${range} lost (${extent.reason})`;
  if (extent.path === undefined) return `${range} absent`;
  return `${range} ${extent.fileOffset} ${extent.path}`;
}
