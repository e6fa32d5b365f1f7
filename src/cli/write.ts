/**
 * The `write` command: bytes from standard input into a disk.
 *
 * @module
 */
import { openVirtualDisk } from "../../portable.ts";
import { bytesText } from "../text/digits.ts";
import { assertBeginsIn, flag, IGNORE_CHILDREN, range } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { CommandFailure } from "./failure.ts";
import { standardInput } from "./streams.ts";

/** What lets more fit. */
const LARGER = "`virtdisk resize` makes the disk larger";

/** After so many bytes it is made certain that they are in the disk, which a failure later leaves there. */
const FLUSH_DISTANCE = 64 * 2 ** 20;

const write: Command = command({
  about: "Writes standard input into the disk.",
  operands: "FILE",
  options: {
    ...range(
      "where to begin",
      "how much of standard input; default: all, which must fit on the disk",
    ),
    ignoreChildren: IGNORE_CHILDREN,
    json: flag("print the result as one JSON object: path, offset, length"),
  },
  permissions: [
    { kind: "read", scope: "the folder of FILE, and its parents" },
    { kind: "write", scope: "FILE" },
  ],
  examples: [["write --offset 1MiB disk.vhdx < boot.bin", "A file at an offset"]],
  async run({ operands: [path], options: { offset = 0, length, ignoreChildren }, report }) {
    const input = standardInput("write");
    let position = offset;
    let flushed = offset;
    try {
      return await report.interruptible(() => path, async (signal) => {
        using disk = await openVirtualDisk(path, {
          backend: "portable",
          readOnly: false,
          ignoreChildren,
        });
        const { virtualSize } = disk.getInformation("size");
        assertBeginsIn({ virtualSize }, offset);
        const available = virtualSize - offset;
        const end = `the disk ends after ${bytesText(virtualSize)}`;
        if (length !== undefined && length > available) {
          throw new CommandFailure(
            `${bytesText(length)} from ${offset} on do not fit: ${end}; ${LARGER}`,
          );
        }
        const wantsAll = length === undefined;
        const take = (chunk: Uint8Array) => {
          position += disk.writeSync(chunk, position);
          if (position - flushed < FLUSH_DISTANCE) return;
          disk.flushSync();
          flushed = position;
        };
        const isComplete = await eachChunk(input, length ?? available, wantsAll, signal, take);
        disk.flushSync();
        if (!isComplete) {
          throw new CommandFailure(
            `standard input does not fit: ${end}, and bytes ${offset} to ${position} have been ` +
              `written; ${LARGER}`,
          );
        }
        report.tellDone(path, { offset, length: position - offset });
        return 0;
      }, () => `the image is sound; bytes ${offset} to ${position} of the disk have been written`);
    } catch (error) {
      const after = `up to ${position} a part may have been`;
      const whenFull = flushed === offset
        ? `the image is sound; no byte is certain to have been written, ${after}`
        : `the image is sound; bytes ${offset} to ${flushed} of the disk have been written, ${after}`;
      return report.fail(path, error, whenFull);
    }
  },
});

export default write;

/**
 * Hands over the input up to `limit` bytes.
 *
 * @param wantsAll Whether there must not be more.
 * @returns Whether what was wanted has been handed over.
 */
async function eachChunk(
  input: ReadableStream<Uint8Array>,
  limit: number,
  wantsAll: boolean,
  signal: AbortSignal,
  take: (chunk: Uint8Array) => void,
): Promise<boolean> {
  const reader = input.getReader();
  // Ends a read that waits for a person or a pipe.
  signal.addEventListener("abort", () => void reader.cancel().catch(() => {}));
  let rest = limit;
  while (rest > 0 || wantsAll) {
    const { value, done } = await reader.read();
    signal.throwIfAborted();
    if (done) return true;
    take(value.subarray(0, rest));
    if (value.length > rest && wantsAll) return false;
    rest -= Math.min(rest, value.length);
  }
  return true;
}
