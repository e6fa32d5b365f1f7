/**
 * The options of `create` and `convert` that say what the new image is.
 *
 * @module
 */
import { present, word } from "./arguments.ts";
import { parseSize } from "./parse_size.ts";

/** As `parseArgs` takes them. */
export const NEW_DISK_OPTIONS = {
  type: { type: "string" },
  subtype: { type: "string" },
  preallocate: { type: "boolean" },
  size: { type: "string" },
  "block-size": { type: "string" },
  "sector-size": { type: "string" },
  "physical-sector-size": { type: "string" },
  identifier: { type: "string" },
  alignment: { type: "string" },
} as const;

/** How they are described. */
export const NEW_DISK_USAGE =
  `  --type TYPE         vhd, vhdx or raw; default: what the extension of the new file says
  --subtype SUBTYPE   dynamic or fixed; default: dynamic
  --preallocate       write all of a fixed disk: without it the file is sparse, which Windows may refuse
                      to attach, and a full volume may break it later
  --size SIZE         of the disk: 4096, 64MiB, 1.5TiB
  --alignment 1MiB    round the size up to whole MiB, as Azure asks of fixed VHDs
  --block-size SIZE, --sector-size SIZE, --physical-sector-size SIZE, --identifier GUID`;

type Values =
  & { readonly [K in Exclude<keyof typeof NEW_DISK_OPTIONS, "preallocate">]?: string | undefined }
  & { readonly preallocate?: boolean | undefined };

/**
 * What they say, as options of `createVirtualDisk` and `imageStream`.
 *
 * @throws {UsageError} Where a word or a size is none.
 */
export function newDiskOptions(values: Values) {
  const size = (name: Exclude<keyof Values, "preallocate">) => {
    const text = values[name];
    return text === undefined ? undefined : parseSize(text, `--${name}`);
  };
  return present({
    type: word("--type", values.type, ["vhd", "vhdx", "raw"]),
    subtype: word("--subtype", values.subtype, ["dynamic", "fixed"]),
    preallocate: values.preallocate,
    size: size("size"),
    blockSize: size("block-size"),
    sectorSize: size("sector-size"),
    physicalSectorSize: size("physical-sector-size"),
    identifier: values.identifier,
    alignment: word("--alignment", values.alignment, ["1MiB"]),
  });
}
