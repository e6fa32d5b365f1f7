/**
 * The disk drawn in cells by the `map` command: on a terminal, or into a picture in a file.
 *
 * @module
 */
import {
  type DiskDamage,
  type DiskDetails,
  type DiskFreeSpace,
  type FreeSpaceRange,
  type PartitionSpace,
  type PortableVirtualDisk,
  VirtualDiskError,
} from "../../portable.ts";
import { roundBytes } from "../text/digits.ts";
import { describeFindings, tellOnStandardError, totalOf } from "./damage.ts";
import { DiskMap } from "./disk_map.ts";
import { shownName } from "./map_legend.ts";
import { columnsOf, legendText, picture, ROWS } from "./map_picture.ts";
import { marked, paced, type Range, type Watch } from "./map_pieces.ts";
import { writeOut } from "./streams.ts";
import { type ProgressBar, wrapped } from "./terminal.ts";

/** Cells in a row of a picture in a file. */
const SVG_COLUMNS = 88;
/** The file name that stands for standard output. */
export const STANDARD = "-";

/** How the disk is shown: drawn, added up, or piece by piece. */
export type Shape = "picture" | "totals" | "pieces";

/** Draws the disk, or adds up what is in it. */
export async function draw(
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
    if (svg === STANDARD) {
      writeOut(bytes);
      if (damage !== undefined && !report.quiet) tellOnStandardError(path, damage);
      return;
    }
    Deno.writeFileSync(svg, bytes);
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
