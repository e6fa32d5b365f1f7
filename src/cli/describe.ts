/**
 * An image described for a person.
 *
 * @module
 */
import type { ImageDetails, PartitionTableDetails } from "../../mod.ts";
import { formatBytes, roundBytes } from "./format_bytes.ts";
import type { Inspection } from "./inspection.ts";
import { partitionTypeName } from "./partition_types.ts";
import { style } from "./style.ts";

const LABEL_WIDTH = 14;

/** Several lines: the path, and under it a line for each property. */
export function describe(inspection: Inspection): string {
  const rows = [
    ...sizeRows(inspection),
    ...identityRows(inspection),
    ...originRows(inspection.details?.images[0]),
    ...partitionRows(inspection.details?.partitionTable),
    ...parentRows(inspection),
  ];
  const lines = rows.map(([label, value, depth = 0]) =>
    `  ${"  ".repeat(depth)}${style("dim", label.padEnd(LABEL_WIDTH))}${value}`
  );
  return [style("bold", inspection.path), ...lines].join("\n");
}

/** A line; the deeper, the farther up the chain is the image that it is about. */
type Row = readonly [label: string, value: string, depth?: number];

function sizeRows({ backend, information, details }: Inspection): Row[] {
  const { storageType, providerSubtype, size, vhdPhysicalSectorSize } = information;
  const rows: Row[] = [];
  const device = storageType?.device ?? "unknown";
  // The portable backend opens nothing else without a format.
  const isRaw = device === "unknown" && backend === "portable";
  const format = isRaw ? "raw disk" : device.toUpperCase();
  const kind = providerSubtype === undefined || providerSubtype === "unknown"
    ? ""
    : `, ${providerSubtype}`;
  rows.push(["Format", format + kind]);
  if (size === undefined) return rows;
  rows.push(["Virtual size", formatBytes(size.virtualSize)]);
  rows.push(["File size", fileSize(size.physicalSize, details?.images[0].allocatedSize)]);
  if (size.blockSize > 0) rows.push(["Block size", formatBytes(size.blockSize)]);
  const physical = vhdPhysicalSectorSize === undefined
    ? ""
    : `, ${vhdPhysicalSectorSize} bytes physical`;
  rows.push(["Sectors", `${size.sectorSize} bytes logical${physical}`]);
  return rows;
}

function identityRows({ information, isoVolume }: Inspection): Row[] {
  const { identifier, virtualDiskId, isLoaded } = information;
  const rows: Row[] = [];
  if (identifier !== undefined) rows.push(["Identifier", identifier]);
  if (virtualDiskId !== undefined && virtualDiskId !== identifier) {
    rows.push(["Disk id", virtualDiskId]);
  }
  if (isoVolume?.label !== undefined) rows.push(["Label", JSON.stringify(isoVolume.label)]);
  if (isoVolume !== undefined && isoVolume.fileSystems.length > 0) {
    rows.push(["File systems", isoVolume.fileSystems.join(", ")]);
  }
  for (const warning of isoVolume?.warnings ?? []) rows.push(["Warning", warning]);
  if (isLoaded) rows.push(["Attached", "yes"]);
  return rows;
}

/** `64 MiB (67,108,864 bytes), 4 KiB of them allocated`: what a sparse file takes is less than its length. */
function fileSize(size: number, allocated: number | undefined): string {
  const text = formatBytes(size);
  return allocated === undefined || allocated >= size
    ? text
    : `${text}, ${roundBytes(allocated)} of them allocated`;
}

function originRows(image: ImageDetails | undefined): Row[] {
  if (image === undefined) return [];
  const { creator, created, modified, dirtyLog, missingBytes } = image;
  const rows: Row[] = [];
  const made = [creator, created === undefined ? undefined : timeText(created)]
    .filter((each) => each !== undefined);
  if (made.length > 0) rows.push(["Made by", made.join(", ")]);
  if (modified !== undefined) rows.push(["Modified", timeText(modified)]);
  if (missingBytes !== undefined) {
    rows.push([
      "Cut off",
      `at least ${formatBytes(missingBytes)} are missing (\`virtdisk check\` tells more)`,
    ]);
  }
  if (dirtyLog) {
    rows.push([
      "Log",
      "holds changes: the image was not closed (`virtdisk check --repair` replays it)",
    ]);
  }
  return rows;
}

/** `2026-11-29 12:00:00 UTC` */
function timeText(time: string): string {
  return `${time.slice(0, 19).replace("T", " ")} UTC`;
}

function partitionRows(table: PartitionTableDetails | undefined): Row[] {
  if (table === undefined) return [];
  const { kind, isBackup, partitions } = table;
  const note = isBackup ? " (the backup: the one at the start of the disk is damaged)" : "";
  const count = partitions.length === 0 ? ", empty" : "";
  return [
    ["Partitions", `${kind.toUpperCase()}${count}${note}`],
    ...partitions.map(({ number, offset, length, type }): Row => [
      String(number),
      `${roundBytes(length)} at ${roundBytes(offset)}, ${partitionTypeName(type)}`,
      1,
    ]),
  ];
}

/** Each parent under its child. */
function parentRows({ information, chain, details }: Inspection): Row[] {
  const { parentLocation } = information;
  if (parentLocation === undefined) return [];
  if (!parentLocation.resolved) {
    return parentLocation.paths.map((path) => ["Parent", `${path} (not opened)`]);
  }
  return chain.flatMap((path, depth): Row[] => {
    const image = details?.images[depth + 1];
    const rows: Row[] = [["Parent", path, depth]];
    if (image === undefined) return rows;
    const { format, subtype, virtualSize, fileSize: size, allocatedSize } = image;
    const kind = subtype === "unknown" ? "" : `, ${subtype}`;
    return [
      ...rows,
      ["Format", `${format.toUpperCase()}${kind}`, depth + 1],
      ["Virtual size", formatBytes(virtualSize), depth + 1],
      ["File size", fileSize(size, allocatedSize), depth + 1],
      ...originRows(image).map(([label, value]): Row => [label, value, depth + 1]),
    ];
  });
}
