/** The programs that are asked: this project, qemu-img and libvhdi. */
import { fromFileUrl } from "@std/path";
import { denoCommand } from "../../deno_command.ts";
import { type Need, pythonModule, tool } from "../../support.ts";
import { checksumOf, ReaderProcess, type Reading } from "./reading.ts";

/** Milliseconds for one image of a few MiB, on a machine that has other things to do. */
export const LIMIT = 20_000;

/** An image that programs read. */
export interface ReadImage {
  readonly format: "vhd" | "vhdx" | "iso";
  readonly path: string;
  /** Of a differencing image. */
  readonly parent: string | undefined;
  /** Whether its log has to be replayed. */
  readonly hasLog: boolean;
}

/** A program that reads images. */
export interface ImageReader extends AsyncDisposable {
  readonly name: ReaderName;
  /**
   * Reads an image as it is in its file now.
   *
   * @param expected What its disk should hold; the bytes of one array do not change.
   */
  read(image: ReadImage, expected: Uint8Array): Promise<Reading>;
}

/** The programs, in the order of the table. */
export const READER_NAMES = ["virtdisk", "qemu-img", "libvhdi"] as const;

/** A program. */
export type ReaderName = typeof READER_NAMES[number];

/** What a reader needs that may be absent. */
export const READER_NEEDS: Readonly<Record<ReaderName, readonly Need[]>> = {
  virtdisk: [],
  "qemu-img": [tool("qemu-img")],
  libvhdi: [pythonModule("pyvhdi")],
};

/**
 * Starts the readers that this machine has.
 *
 * @param raw A path for what QEMU compares an image with.
 */
export function startReaders(raw: string): ImageReader[] {
  const start: Readonly<Record<ReaderName, () => ImageReader>> = {
    virtdisk: () => lasting("virtdisk", ourReader),
    "qemu-img": () => new QemuReader(raw),
    libvhdi: () => lasting("libvhdi", vhdiReader),
  };
  const present = READER_NAMES.filter((name) =>
    READER_NEEDS[name].every((need) => need() === undefined)
  );
  return present.map((name) => start[name]());
}

function lasting(name: ReaderName, start: () => Deno.ChildProcess): ImageReader {
  const process = new ReaderProcess(start, LIMIT);
  return {
    name,
    read: ({ path, parent }, { length: size }) => process.read({ path, parent, size }),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

const PIPES = { stdin: "piped", stdout: "piped", stderr: "null" } as const;

function ourReader(): Deno.ChildProcess {
  const path = fromFileUrl(new URL("our_reader.ts", import.meta.url));
  const args = ["run", "--no-check", "--allow-read", path];
  return denoCommand({ args, ...PIPES }).spawn();
}

function vhdiReader(): Deno.ChildProcess {
  const path = fromFileUrl(new URL("vhdi_reader.py", import.meta.url));
  return new Deno.Command("/usr/bin/python3", { args: [path], ...PIPES }).spawn();
}

/** Starts qemu-img for each image; a log is replayed in a copy, as it replays none while it only reads. */
class QemuReader implements ImageReader {
  readonly name = "qemu-img";
  /** What it compares the disk with. */
  readonly #raw: string;
  #inRaw: Uint8Array | undefined;

  constructor(raw: string) {
    this.#raw = raw;
  }

  async read({ path, format, hasLog }: ReadImage, expected: Uint8Array): Promise<Reading> {
    const type = format === "vhd" ? "vpc" : format;
    let source = path;
    if (hasLog) {
      source = `${this.#raw}.replayed`;
      await Deno.copyFile(path, source);
      const { failed } = await qemu("check", "-q", "-f", type, "-r", "all", source);
      // What it says of the image does not matter here; that it ends as a program should, does.
      if (failed !== undefined && failed.kind !== "refused") return failed;
    }
    // Where the image is longer, a comparison goes on to its end: of one that says 64 TiB, for hours.
    const { output, failed: unread } = await qemu("info", "--output=json", "-f", type, source);
    if (unread !== undefined) return unread;
    if (JSON.parse(output)["virtual-size"] !== expected.length) return OTHER_BYTES;
    await this.#expect(expected);
    const { code, failed } = await qemu("compare", "-f", type, "-F", "raw", source, this.#raw);
    if (code === DIFFERENT) return OTHER_BYTES;
    return failed ?? { kind: "bytes", checksum: checksumOf(expected) };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #expect(bytes: Uint8Array): Promise<void> {
    if (this.#inRaw !== bytes) await Deno.writeFile(this.#raw, bytes);
    this.#inRaw = bytes;
  }
}

const OTHER_BYTES: Reading = { kind: "bytes", checksum: undefined };
/** The exit code of a comparison that finds a difference; of one that fails it is larger. */
const DIFFERENT = 1;

/** Runs qemu-img; says what is wrong if it does not end well. */
export async function qemu(...args: readonly string[]): Promise<{
  readonly code: number;
  readonly output: string;
  readonly failed: Exclude<Reading, { kind: "bytes" }> | undefined;
}> {
  const process = new Deno.Command("qemu-img", {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    process.kill("SIGKILL");
  }, LIMIT);
  const { success, code, signal, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  const output = decoder.decode(stdout);
  clearTimeout(timer);
  if (late) return { code, output, failed: { kind: "hang" } };
  if (signal !== null) return { code, output, failed: { kind: "crash", how: signal } };
  const how = decoder.decode(stderr).trim();
  return { code, output, failed: success ? undefined : { kind: "refused", how } };
}
