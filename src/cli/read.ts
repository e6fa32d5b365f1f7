/**
 * The `read` command: bytes of a disk to standard output.
 *
 * @module
 */
import { openVirtualDisk } from "../../portable.ts";
import { assertBeginsIn, flag, range } from "./arguments.ts";
import { command } from "./command.ts";
import {
  assertSalvageable,
  ASSUMED,
  damageStatus,
  LOST_STATUS,
  SALVAGE,
  tellOnStandardError,
  tolerance,
} from "./damage.ts";
import type { Command } from "./declaration.ts";
import { assertNoTerminal, pipeOut } from "./streams.ts";
import { ProgressBar } from "./terminal.ts";
import { sourceOf, URL_PERMISSION } from "./url_operand.ts";

const read: Command = command({
  about: "Writes the bytes of the disk to standard output.",
  operands: "FILE",
  options: {
    ...range("where to begin", "how many bytes, at most; default: to the end"),
    salvage: SALVAGE,
    ...ASSUMED,
    json: flag(
      "print the result as one JSON object, on standard error: path, offset, length, damage",
    ),
  },
  permissions: [{ kind: "read", scope: "FILE and its parents" }, URL_PERMISSION],
  examples: [
    ["read --offset 512 --length 512 disk.vhdx | od -A d -c", "Look at a sector"],
    ["read disk.vhdx > disk.img", "All of it"],
    ["read --salvage broken.vhdx > disk.img", "What is left of it"],
  ],
  statuses: { 1: `with --salvage: ${LOST_STATUS}` },
  putsOutBytes: () => true,
  async run({ operands: [path], options, report }) {
    const { offset = 0, length, salvage, size, blockSize, sectorSize } = options;
    const assume = { size, blockSize, sectorSize };
    assertSalvageable("read", path, { salvage, ...assume });
    assertNoTerminal("read");
    try {
      return await report.interruptible(() => path, async (signal) => {
        using disk = await openVirtualDisk(sourceOf(path), {
          backend: "portable",
          ...tolerance(salvage, assume),
        });
        const { virtualSize } = disk.getInformation("size");
        assertBeginsIn({ virtualSize }, offset);
        const range = { offset, ...(length === undefined ? {} : { length }) };
        const bytes = disk.readable({ ...range, signal });
        const total = Math.min(length ?? virtualSize, virtualSize - offset);
        using bar = new ProgressBar();
        let completed = 0;
        await pipeOut(bytes, signal, (length) => {
          completed += length;
          bar.show({ completed, total, fraction: completed / total, bytes: completed });
        });
        const damage = salvage ? await disk.damage({ ...range, signal }) : undefined;
        report.tell(path, { offset, length: total, ...(damage && { damage }) });
        if (damage === undefined) return 0;
        if (!report.json && !report.quiet) tellOnStandardError(path, damage);
        return damageStatus(damage);
      });
    } catch (error) {
      return report.fail(path, error);
    }
  },
});

export default read;
