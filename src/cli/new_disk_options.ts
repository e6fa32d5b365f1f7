/**
 * The options of `create` and `convert` that say what the new image is.
 *
 * @module
 */
import { guid, present, size, word } from "./arguments.ts";

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
  `  --type TYPE         vhd, vhdx or raw; default: what the extension of the new file says, .raw and .img too
  --subtype SUBTYPE   dynamic or fixed; default: dynamic
  --preallocate       write all of a fixed disk: without it the file is sparse, which Windows may refuse
                      to attach, and a full volume may break it later
  --size SIZE         of the disk: 10G, 64MiB, 1.5TB; units are powers of 1024, G, GB and GiB are the same
  --alignment SIZE    round the size up to a multiple of it: 1MiB, as Azure asks of fixed VHDs
  --block-size SIZE, --sector-size SIZE, --physical-sector-size SIZE, --identifier GUID`;

type Values =
  & { readonly [K in Exclude<keyof typeof NEW_DISK_OPTIONS, "preallocate">]?: string | undefined }
  & { readonly preallocate?: boolean | undefined };

/**
 * What they say, as options of `createVirtualDisk` and `imageStream`.
 *
 * @throws {UsageError} If a word or a size is none.
 */
export function newDiskOptions(values: Values) {
  const bytes = (name: Exclude<keyof Values, "preallocate">) => {
    const text = values[name];
    return text === undefined ? undefined : size(`--${name}`, text);
  };
  return present({
    type: word("--type", values.type, ["vhd", "vhdx", "raw"]),
    subtype: word("--subtype", values.subtype, ["dynamic", "fixed"]),
    preallocate: values.preallocate,
    size: bytes("size"),
    blockSize: bytes("block-size"),
    sectorSize: bytes("sector-size"),
    physicalSectorSize: bytes("physical-sector-size"),
    identifier: values.identifier === undefined
      ? undefined
      : guid("--identifier", values.identifier),
    alignment: bytes("alignment"),
  });
}
