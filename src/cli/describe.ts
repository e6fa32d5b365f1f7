/**
 * An image described for a person.
 *
 * @module
 */
import { formatBytes } from "./format_bytes.ts";
import type { Inspection } from "./inspection.ts";
import { style } from "./style.ts";

const LABEL_WIDTH = 14;

/** Several lines: the path, and under it a line for each property. */
export function describe(inspection: Inspection): string {
  const rows = [...sizeRows(inspection), ...identityRows(inspection), ...parentRows(inspection)];
  const lines = rows.map(([label, value]) =>
    `  ${style("dim", label.padEnd(LABEL_WIDTH))}${value}`
  );
  return [style("bold", inspection.path), ...lines].join("\n");
}

type Row = readonly [label: string, value: string];

function sizeRows({ backend, information }: Inspection): Row[] {
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
  rows.push(["File size", formatBytes(size.physicalSize)]);
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
  if (isLoaded) rows.push(["Attached", "yes"]);
  return rows;
}

function parentRows({ information, chain }: Inspection): Row[] {
  const { parentLocation } = information;
  if (parentLocation === undefined) return [];
  if (!parentLocation.resolved) {
    return parentLocation.paths.map((path) => ["Parent", `${path} (not opened)`]);
  }
  return chain.map((path, index) => [index === 0 ? "Parent" : "its parent", path]);
}
