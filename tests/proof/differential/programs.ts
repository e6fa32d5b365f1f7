/** Programs that write out the disk of an image, each with its own reader of the format. */
import { crc32 } from "node:zlib";
import { type Need, tool } from "../../support.ts";
import { LIMIT, qemu, READER_NEEDS, type ReadImage, startReaders } from "../readers/readers.ts";
import { checksumOf, type Reading } from "../readers/reading.ts";

/** In the order of the table. */
export const PROGRAM_NAMES = ["virtdisk", "qemu-img", "libvhdi", "7-Zip", "Sleuth Kit"] as const;

/** A program. */
export type Program = typeof PROGRAM_NAMES[number];

/** What all of them need. */
export const PROGRAM_NEEDS: readonly Need[] = [
  ...Object.values(READER_NEEDS).flat(),
  tool("7zz"),
  tool("img_cat"),
];

/** Reads the disk of an image; of one that has another size than `size`, no more than that. */
export type ReadDisk = (image: ReadImage, size: number) => Promise<Reading>;

/** Starts them all. */
export function startPrograms(stack: AsyncDisposableStack, raw: string): Record<Program, ReadDisk> {
  const readers = startReaders(raw).map((reader) => stack.use(reader));
  const lasting = (name: Program): ReadDisk => {
    const reader = readers.find((each) => each.name === name)!;
    return (image, size) => reader.read(image, new Uint8Array(size));
  };
  return {
    virtdisk: lasting("virtdisk"),
    "qemu-img": (image, size) => convert(image, size, raw),
    libvhdi: lasting("libvhdi"),
    "7-Zip": ({ path, format }, size) => streamed(["7zz", "x", "-so", `-t${format}`, path], size),
    "Sleuth Kit": ({ path }, size) => streamed(["img_cat", "-i", "vhd", path], size),
  };
}

/** It replays no log while it only reads: that is done in a copy. */
async function convert({ path, format, hasLog }: ReadImage, size: number, raw: string) {
  const type = format === "vhd" ? "vpc" : format;
  let source = path;
  if (hasLog) {
    source = `${raw}.replayed`;
    await Deno.copyFile(path, source);
    await qemu("check", "-q", "-f", type, "-r", "all", source);
  }
  const { output, failed } = await qemu("info", "--output=json", "-f", type, source);
  if (failed !== undefined) return failed;
  const other: Reading = { kind: "bytes", checksum: undefined };
  if (JSON.parse(output)["virtual-size"] !== size) return other;
  const copied = await qemu("convert", "-f", type, "-O", "raw", source, raw);
  if (copied.failed !== undefined) return copied.failed;
  const read: Reading = { kind: "bytes", checksum: checksumOf(await Deno.readFile(raw)) };
  return read;
}

function end(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof TypeError)) throw error;
  }
}

/** What a program writes to its output. */
async function streamed([program, ...args]: readonly string[], size: number): Promise<Reading> {
  const process = new Deno.Command(program!, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end(process);
  }, LIMIT);
  let checksum = 0;
  let length = 0;
  for await (const piece of process.stdout) {
    checksum = crc32(piece, checksum);
    length += piece.length;
    // Of a disk that is said to be huge, nothing more has to be known.
    if (length > size) break;
  }
  if (length > size) end(process);
  const { success, signal } = await process.status;
  clearTimeout(timer);
  if (late) return { kind: "hang" };
  if (length > size) return { kind: "bytes", checksum: undefined };
  if (signal !== null) return { kind: "crash", how: signal };
  if (!success) return { kind: "refused", how: "" };
  return { kind: "bytes", checksum: length === size ? checksum : undefined };
}
