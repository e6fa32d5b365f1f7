/**
 * What the tests share: temporary folders, and tests that need a tool or a file which may be absent.
 * Such a test shows as ignored, with the reason in its name; with `VIRTDISK_REQUIRE=all` it fails
 * instead, so that a machine that is meant to have everything cannot quietly skip. What nobody can
 * install (another operating system, images that are not in the repository) never fails.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

/** The root of the repository. */
export const ROOT = fromFileUrl(new URL("..", import.meta.url));
/** Images made by Windows and by others; see each test for what is known of them. */
const SHARED_IMAGES = join(ROOT, "..", "shared", "images");
const REQUIRE_ALL = Deno.env.get("VIRTDISK_REQUIRE") === "all";

/** The folders that stay, and those of them that nobody has. */
const kept = new Set<string>();
const free: string[] = [];

/**
 * Keeps a folder when its scope ends: emptied, it is that of a later test. For what runs in a folder and takes long to
 * start; it goes when all tests of the process have run.
 */
export function keepFolder(path: string): void {
  if (kept.size === 0) globalThis.addEventListener("unload", removeKept);
  kept.add(path);
}

function removeKept(): void {
  for (const path of free) Deno.removeSync(path, { recursive: true });
}

/** A temporary folder that goes with its scope. */
export class TempDir implements Disposable {
  readonly path: string = free.pop() ??
    Deno.realPathSync(Deno.makeTempDirSync({ prefix: "virtdisk-" }));

  /** The path of a file in it. */
  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    if (kept.has(this.path)) return this.#empty();
    // On Windows a virus scanner may have a new file open for a moment.
    const tries = Deno.build.os === "windows" ? 20 : 1;
    for (let i = 1;; i++) {
      try {
        return Deno.removeSync(this.path, { recursive: true });
      } catch (error) {
        if (i === tries) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      }
    }
  }

  #empty(): void {
    // A test may have taken or given rights to it.
    Deno.chmodSync(this.path, 0o700);
    for (const { name } of Deno.readDirSync(this.path)) {
      Deno.removeSync(this.file(name), { recursive: true });
    }
    free.push(this.path);
  }
}

/** Something a test needs: why it is missing, or `undefined` where it is there. */
export interface Need {
  (): string | undefined;
  /** False for what cannot be had by installing something. */
  readonly installable?: false;
}

/** A need that no machine can be blamed for. */
export function circumstance(need: () => string | undefined): Need {
  return Object.assign(() => need(), { installable: false as const });
}

/** A program on the PATH. */
export function tool(name: string): Need {
  return () => hasProgram(name) ? undefined : `${name} is not installed`;
}

/**
 * A module of the system's Python, where Debian puts libvhdi's binding.
 *
 * @param member What older versions of it lack.
 */
export function pythonModule(name: string, member?: string): Need {
  return () => {
    if (!hasProgram("/usr/bin/python3")) return "python3 is not installed";
    const { success } = new Deno.Command("/usr/bin/python3", {
      args: ["-c", member === undefined ? `import ${name}` : `from ${name} import ${member}`],
      stderr: "null",
    }).outputSync();
    const what = member === undefined ? name : `${name} with ${member}`;
    return success ? undefined : `the Python module ${what} is not installed`;
  };
}

/** An image of the shared folder. */
export function sharedImageNeed(name: string): Need {
  return circumstance(() =>
    exists(join(SHARED_IMAGES, name)) ? undefined : `../shared/images/${name} is absent`
  );
}

/** The named operating systems. */
export function onlyOn(...systems: (typeof Deno.build.os)[]): Need {
  return circumstance(() =>
    systems.includes(Deno.build.os) ? undefined : `only for ${systems.join(", ")}`
  );
}

/** Wine 8 cannot tell the real path of a folder whose path is longer than 260 characters. */
export const longRealPaths: Need = circumstance(() =>
  Deno.build.os === "windows" && Deno.env.has("WINEPREFIX")
    ? "Wine knows no real paths beyond 260 characters"
    : undefined
);

/** For what opens all files of the package, and is no other under Wine than on a Windows machine. */
export const quickFiles: Need = circumstance(() =>
  Deno.build.os === "windows" && Deno.env.has("WINEPREFIX")
    ? "Wine takes minutes for all files of the package"
    : undefined
);

/** A test that needs things which may be absent. */
export function testWith(
  needs: readonly Need[],
  name: string,
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = needs.filter((need) => need() !== undefined);
  if (missing.length === 0) return Deno.test(name, fn);
  const reason = missing.map((need) => need()).join(", ");
  if (REQUIRE_ALL && missing.every((need) => need.installable !== false)) {
    return Deno.test(name, () => {
      throw new Error(`VIRTDISK_REQUIRE=all, but ${reason}`);
    });
  }
  Deno.test({ name: `${name} [ignored: ${reason}]`, ignore: true, fn });
}

/** Runs a program to its end; throws with its output where it fails. */
export function run(program: string, ...args: string[]): string {
  const output = new Deno.Command(program, { args, stdin: "null" }).outputSync();
  const text = new TextDecoder();
  if (!output.success) {
    throw new Error(
      `${program} ${args.join(" ")} ended with ${output.code}:\n${text.decode(output.stdout)}${
        text.decode(output.stderr)
      }`,
    );
  }
  return text.decode(output.stdout);
}

/** Unpacks an image of the shared folder into `dir`; gives its path. */
export async function unpackSharedImage(name: string, dir: TempDir): Promise<string> {
  const target = dir.file(name.replace(/\.gz$/, ""));
  using output = await Deno.open(target, { write: true, createNew: true });
  const packed = await Deno.open(join(SHARED_IMAGES, name));
  const bytes = packed.readable.pipeThrough(new DecompressionStream("gzip"));
  // This closes it: Deno 2.9 does not wait for the last piece where it is to stay open.
  await bytes.pipeTo(output.writable);
  return target;
}

/** SHA-256 in hexadecimal of a file, read in pieces. */
export function fileHash(path: string): string {
  const hash = createHash("sha256");
  const piece = new Uint8Array(1 << 20);
  using file = Deno.openSync(path);
  for (let count = file.readSync(piece); count !== null; count = file.readSync(piece)) {
    hash.update(piece.subarray(0, count));
  }
  return hash.digest("hex");
}

const PATTERN_PERIOD = 251;

/** Bytes that differ at every offset modulo 251, so that a misplaced block cannot look right. */
export function pattern(length: number, seed = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const first = Math.min(length, PATTERN_PERIOD);
  for (let i = 0; i < first; i++) bytes[i] = (i + seed) % PATTERN_PERIOD + 1;
  // The rest is copied from what is there already: random tests make gigabytes of this.
  for (let done = first; done < length; done *= 2) bytes.copyWithin(done, 0, done);
  return bytes;
}

/** The same bytes; a failure names the first offset that differs instead of printing both. */
export function assertBytesEqual(actual: Uint8Array, expected: Uint8Array, message = ""): void {
  assertEquals(actual.length, expected.length, `${message} length`);
  // Looking at each byte here would take longer than most tests otherwise do.
  if (Buffer.compare(actual, expected) === 0) return;
  const different = actual.findIndex((byte, i) => byte !== expected[i]);
  throw new Error(
    `${message} differs at offset ${different}: ${actual[different]}, expected ${
      expected[different]
    }`,
  );
}

function hasProgram(name: string): boolean {
  // Under Wine the host's programs can be seen, but not started.
  if (name.includes("/")) return Deno.build.os !== "windows" && exists(name);
  const folders = (Deno.env.get("PATH") ?? "").split(Deno.build.os === "windows" ? ";" : ":");
  return folders.some((folder) =>
    exists(join(folder, name)) || exists(join(folder, `${name}.exe`))
  );
}

/** Writes all of `bytes` where the file's cursor is. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

/** Whether there is a file or folder of this path. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Comes back when it is so, which a program is to bring about.
 *
 * @throws {Error} If the program ends before.
 */
export async function whenSo(
  isSo: () => boolean,
  program: Pick<Deno.ChildProcess, "status">,
): Promise<void> {
  let ended: Deno.CommandStatus | undefined;
  program.status.then((status) => ended = status);
  while (!isSo()) {
    if (ended !== undefined) throw new Error(`the program ended too early, with ${ended.code}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
