/** Files with one broken rule, and the errors that must say which and where. */
import { assertEquals, assertThrows } from "@std/assert";
import type { ErrorSymbol } from "../../../src/errors/codes.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { FREE_ENTRY, METADATA, MIB, UNKNOWN_GUID, VhdxBuilder } from "./vhdx_builder.ts";

export const CORRUPT = "ERROR_FILE_CORRUPT";
export const UNSUPPORTED = "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION";

/** A rule, how it is broken, and what the error says. */
export interface DamageRow {
  readonly rule: string;
  readonly damage: (file: VhdxBuilder) => void;
  /** Default: `CORRUPT`. */
  readonly code?: ErrorSymbol;
  readonly structure: string;
  readonly offset: number;
  readonly differencing?: true;
}

/** Opens the damaged file and asks for its first extents. */
export function assertRefused(
  row: DamageRow,
  prepare: (file: VhdxBuilder) => void = () => {},
): void {
  const file = new VhdxBuilder(row.differencing ? { subtype: "differencing" } : {});
  prepare(file);
  row.damage(file);
  const error = assertThrows(() => {
    const image = openVhdx(file.source());
    image.extent(0, image.virtualSize);
  }, ImageError);
  const { path, detail } = error.options;
  assertEquals({ code: error.symbol, structure: detail?.structure, offset: detail?.offset, path }, {
    code: row.code ?? CORRUPT,
    structure: row.structure,
    offset: row.offset,
    path: "/images/memory.img",
  });
}

/** A sixth item of the metadata table. */
export function extraItem(
  file: VhdxBuilder,
  item: { id?: string; offset?: number; length?: number; flags?: number },
): void {
  file.u16(METADATA + 10, 6).guid(FREE_ENTRY, item.id ?? UNKNOWN_GUID)
    .u32(FREE_ENTRY + 16, item.offset ?? 0x20000).u32(FREE_ENTRY + 20, item.length ?? 8)
    .u32(FREE_ENTRY + 24, item.flags ?? 0);
}

/** A third region. */
export function extraRegion(
  file: VhdxBuilder,
  region: { guid?: string; offset?: number; length?: number; required?: number },
): void {
  file.regionTables((table) =>
    file.u32(table + 8, 3).guid(table + 80, region.guid ?? UNKNOWN_GUID)
      .u64(table + 96, region.offset ?? 4 * MIB).u32(table + 104, region.length ?? MIB)
      .u32(table + 108, region.required ?? 0)
  );
  file.append(2 * MIB);
}
