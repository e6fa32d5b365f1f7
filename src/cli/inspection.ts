/**
 * Everything that can be learnt of an image by opening it: for a program, and described for a person.
 *
 * @module
 */
import type {
  DiskDetails,
  ImageDetails,
  IsoVolume,
  PartitionTableDetails,
  PortableVirtualDisk,
  VirtualDiskInformation,
} from "../../portable.ts";
import { formatBytes, roundBytes } from "../text/digits.ts";
import { style } from "./terminal.ts";

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

/**
 * Types of partitions in words. Those of a GPT are GUIDs (UEFI 2.10, 5.3.3, and the Discoverable Partitions
 * Specification), those of an MBR bytes.
 */
const PARTITION_TYPES: Readonly<Record<string, string>> = {
  "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "EFI system",
  "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
  "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "basic data",
  "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery",
  "af9b60a0-1431-4f62-bc68-3311714a69ad": "Windows dynamic data",
  "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3": "Windows dynamic metadata",
  "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
  "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux",
  "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
  "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
  "a19d880f-05fc-4d3b-a006-743f0f84911e": "Linux RAID",
  "bc13c2ff-59e6-4262-a352-b275fd6f7172": "Linux extended boot",
  "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root (x86-64)",
  "b921b045-1df0-41c3-af44-4c6f280d3fae": "Linux root (ARM64)",
  "48465300-0000-11aa-aa11-00306543ecac": "HFS+",
  "7c3457ef-0000-11aa-aa11-00306543ecac": "APFS",
  "0x01": "FAT12",
  "0x04": "FAT16",
  "0x06": "FAT16",
  "0x07": "NTFS or exFAT",
  "0x0b": "FAT32",
  "0x0c": "FAT32",
  "0x0e": "FAT16",
  "0x27": "Windows recovery",
  "0x42": "Windows dynamic disk",
  "0x82": "Linux swap",
  "0x83": "Linux",
  "0x8e": "Linux LVM",
  "0xef": "EFI system",
  "0xfd": "Linux RAID",
};

/** A type in words; itself if nobody knows it. */
export function partitionTypeName(type: string): string {
  return PARTITION_TYPES[type] ?? `type ${type}`;
}
