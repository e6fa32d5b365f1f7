/**
 * The `salvage` command: a new image of what is left of a damaged one.
 *
 * @module
 */
import { createVirtualDisk, type DiskDamage } from "../../portable.ts";
import { formatBytes } from "../text/digits.ts";
import { flag, word } from "./arguments.ts";
import { command } from "./command.ts";
import { ASSUMED, damageOf, damageStatus, describeDamage, totalOf } from "./damage.ts";
import type { Command } from "./declaration.ts";
import { NEW_DISK, REPLACING } from "./new_disk.ts";
import { absolute } from "./report.ts";
import { ProgressBar } from "./terminal.ts";

const salvage: Command = command({
  about:
    "Saves what is left of a damaged VHD or VHDX, of any of its parents too, into a new image, and says what is " +
    "lost: which ranges of the disk, why, and of which partition. What is lost are zeros in NEW. BROKEN is only " +
    "read. A child whose parent is gone gives what it holds itself.",
  operands: "BROKEN NEW",
  options: {
    sourceType: word("TYPE", ["vhd", "vhdx"], "of BROKEN; default: found out, or by its extension"),
    ...ASSUMED,
    type: NEW_DISK.type,
    subtype: NEW_DISK.subtype,
    preallocate: NEW_DISK.preallocate,
    alignment: NEW_DISK.alignment,
    ...REPLACING,
    json: flag("print one JSON object: path, target, virtualSize, fileSize, damage"),
  },
  permissions: [
    { kind: "read", scope: "BROKEN and its parents, the folder of NEW" },
    { kind: "write", scope: "the folder of NEW" },
  ],
  notes:
    "Nothing is guessed: where the file says two things, both are lost. No checksum covers the data of a disk, nor " +
    "the tables of a VHDX, so check the file systems in NEW. A disk that fails to read is a case for ddrescue: copy " +
    "the file with that first.",
  examples: [
    ["salvage broken.vhdx saved.vhdx", "What is left"],
    [
      "salvage --json broken.vhdx saved.img",
      "As a raw disk, and the map of what is lost for a program",
    ],
    [
      "salvage --size 127GiB --block-size 32MiB --sector-size 512 broken.vhdx saved.vhdx",
      "The metadata are lost",
    ],
  ],
  statuses: { 0: "nothing is lost", 1: "NEW was made, and something is lost" },
  async run({ operands: [source, target], options, report }) {
    const { json: _, sourceType, size, blockSize, sectorSize, ...disk } = options;
    const assume = { size, blockSize, sectorSize };
    const type = sourceType === undefined ? {} : { type: sourceType };
    try {
      return await report.interruptible(() => source, async (signal) => {
        const damage = await damageOf(source, { ...type, assume }, { signal });
        using bar = new ProgressBar();
        using saved = await createVirtualDisk(target, {
          ...disk,
          source,
          ...(sourceType === undefined ? {} : { sourceType }),
          damage: "tolerate",
          assume,
          signal,
          onProgress: bar.show,
        });
        const { virtualSize, physicalSize } = saved.getInformation("size");
        const facts = { target: absolute(target), virtualSize, fileSize: physicalSize, damage };
        report.tellDone(source, facts, () => describe(saved.path, virtualSize, damage));
        return damageStatus(damage);
      }, () => `there is no new image${options.overwrite ? ", and an old one is as it was" : ""}`);
    } catch (error) {
      return report.fail(source, error);
    }
  },
});

export default salvage;

function describe(target: string, virtualSize: number, damage: DiskDamage): string {
  return [
    `${target}: a disk of ${formatBytes(virtualSize)}`,
    totalOf(damage),
    ...describeDamage(damage),
  ].join("\n");
}
