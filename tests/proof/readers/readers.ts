/** The programs that are asked: this project, qemu-img and libvhdi. */
import { fromFileUrl } from "@std/path";
import { createHash } from "node:crypto";
import { denoCommand } from "../../deno_command.ts";
import { type Need, pythonModule, tool } from "../../support.ts";
import { ReaderProcess, type Reading } from "./reading.ts";

/** Milliseconds for one image of a few MiB, on a machine that has other things to do. */
const LIMIT = 20_000;

/** An image that programs read. */
export interface ReadImage {
  readonly format: "vhd" | "vhdx" | "iso";
  readonly path: string;
  /** Of a differencing image. */
  readonly parent: string | undefined;
  /** Whether its log has to be replayed. */
  readonly hasLog: boolean;
  /** The disk, if the image is sound. */
  readonly contents: Uint8Array<ArrayBuffer>;
}

/** A program that reads images. */
export interface ImageReader extends AsyncDisposable {
  readonly name: ReaderName;
  /** Reads an image as it is in its file now. */
  read(image: ReadImage): Promise<Reading>;
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
 * @param raw A path for what QEMU makes of an image.
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
    read: ({ path, parent, contents }) => process.read({ path, parent, size: contents.length }),
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
  readonly #raw: string;

  constructor(raw: string) {
    this.#raw = raw;
  }

  async read({ path, format, hasLog, contents }: ReadImage): Promise<Reading> {
    const type = format === "vhd" ? "vpc" : format;
    let source = path;
    if (hasLog) {
      source = `${this.#raw}.replayed`;
      await Deno.copyFile(path, source);
      const failed = await qemu("check", "-q", "-f", type, "-r", "all", source);
      // What it says of the image does not matter here; that it ends as a program should, does.
      if (failed !== undefined && failed.kind !== "refused") return failed;
    }
    const size = await sizeOf(source, type);
    if (typeof size !== "number") return size;
    if (size !== contents.length) return { kind: "bytes", hash: "" };
    const failed = await qemu("convert", "-f", type, "-O", "raw", source, this.#raw);
    if (failed !== undefined) return failed;
    const bytes = await Deno.readFile(this.#raw);
    return { kind: "bytes", hash: createHash("sha1").update(bytes).digest("hex") };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function sizeOf(path: string, type: string): Promise<number | Reading> {
  const output = { text: "" };
  const failed = await qemu({ args: ["info", "--output=json", "-f", type, path], output });
  return failed ?? Number(JSON.parse(output.text)["virtual-size"]);
}

/** Runs qemu-img; gives what is wrong if it does not end well. */
async function qemu(
  first: string | { readonly args: readonly string[]; readonly output: { text: string } },
  ...rest: readonly string[]
): Promise<Exclude<Reading, { kind: "bytes" }> | undefined> {
  const [args, output] = typeof first === "string"
    ? [[first, ...rest], undefined]
    : [[...first.args], first.output];
  const process = new Deno.Command("qemu-img", {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    process.kill("SIGKILL");
  }, LIMIT);
  const { success, signal, stdout, stderr } = await process.output();
  clearTimeout(timer);
  if (late) return { kind: "hang" };
  if (signal !== null) return { kind: "crash", how: signal };
  const text = new TextDecoder();
  if (!success) return { kind: "refused", how: text.decode(stderr).trim() };
  if (output !== undefined) output.text = text.decode(stdout);
  return undefined;
}
