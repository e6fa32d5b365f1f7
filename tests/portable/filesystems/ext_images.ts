/** File systems made by mke2fs, filled and emptied by debugfs; and what dumpe2fs says of them. */
import { createHash } from "node:crypto";
import type { FreeRange } from "../../../src/portable/filesystems/file_system.ts";
import { Random } from "../../fuzz/random.ts";
import { type Need, run, type TempDir, tool } from "../../support.ts";

/** Debian has them where only the administrator's PATH leads. */
const SBIN = "/usr/sbin/";

/** The tools of e2fsprogs. */
export const E2FSPROGS: readonly Need[] = [
  tool(`${SBIN}mke2fs`),
  tool(`${SBIN}debugfs`),
  tool(`${SBIN}dumpe2fs`),
  tool(`${SBIN}e2fsck`),
];
/** Changes what a file system was made with. */
export const TUNE2FS: Need = tool(`${SBIN}tune2fs`);
/** Writes zeros to free blocks. */
export const ZEROFREE: Need = tool(`${SBIN}zerofree`);

const MiB = 2 ** 20;

/** Runs a tool of e2fsprogs. */
export function e2(program: string, ...args: string[]): string {
  return run(`${SBIN}${program}`, ...args);
}

/** Makes a file system in a new sparse file. */
export function makeExt(path: string, size: number, ...args: string[]): void {
  Deno.writeFileSync(path, new Uint8Array());
  Deno.truncateSync(path, size);
  // Always the same file system: its UUID goes into checksums.
  const uuid = "12345678-9abc-def0-1234-56789abcdef0";
  e2("mke2fs", "-q", "-F", "-U", uuid, "-E", "hash_seed=" + uuid, ...args, path);
}

/** Runs commands of debugfs, of which each must succeed. */
export function debugfs(dir: TempDir, path: string, commands: readonly string[]): void {
  const script = dir.file("debugfs.txt");
  Deno.writeTextFileSync(script, commands.join("\n") + "\n");
  const output = new Deno.Command(`${SBIN}debugfs`, {
    args: ["-w", "-f", script, path],
    stdin: "null",
  }).outputSync();
  const text = new TextDecoder();
  // It ends with 0 whatever happens; each command is echoed, what follows is its output.
  const complaints = text.decode(output.stderr).split("\n").slice(1).filter((line) => line !== "");
  if (complaints.length > 0) throw new Error(`debugfs: ${complaints.join("\n")}`);
}

/** What is written. */
interface Filling {
  readonly seed: number;
  readonly files?: number;
  /** Bytes of the largest file. */
  readonly largest?: number;
  /** Bytes of one more file, which is removed at last. */
  readonly removed?: number;
  /** Of the names. */
  readonly prefix?: string;
}

/**
 * Writes files of random lengths, and removes some of them again, so that free blocks hold what was in them.
 *
 * @returns The names of those that are left.
 */
export function fillAndEmpty(
  dir: TempDir,
  path: string,
  { seed, files = 16, largest = MiB, removed, prefix = "" }: Filling,
): string[] {
  const random = new Random(seed);
  const commands: string[] = [];
  const names: string[] = [];
  const source = dir.file("content");
  const content = new Uint8Array(largest);
  for (let at = 0; at < content.length; at += 65536) {
    crypto.getRandomValues(content.subarray(at, at + 65536));
  }
  const write = (n: number) => {
    const file = `${source}${n}`;
    const length = random.below(3) === 0 ? random.below(largest) : random.below(largest / 16);
    Deno.writeFileSync(file, content.subarray(largest - length));
    commands.push(`write ${file} ${prefix}file${n}`);
    names.push(`${prefix}file${n}`);
  };
  if (removed !== undefined) {
    Deno.writeFileSync(`${source}-removed`, new Uint8Array(removed).fill(0x5a));
    commands.push(`write ${source}-removed removed`);
  }
  // What is removed early is overwritten by what comes then.
  for (let n = 0; n < files; n++) write(n);
  for (let n = 0; n < files / 2; n++) {
    const [name] = names.splice(random.below(names.length), 1);
    commands.push(`rm ${name}`);
  }
  write(files);
  if (removed !== undefined) commands.push("rm removed");
  commands.push(`mkdir ${prefix}folder`, `write ${source}0 ${prefix}inside`);
  debugfs(dir, path, commands);
  for (let n = 0; n <= files; n++) Deno.removeSync(`${source}${n}`);
  return [...names, `${prefix}inside`];
}

/** The free ranges, as dumpe2fs lists them. */
export function dumpedRanges(path: string): FreeRange[] {
  const dump = e2("dumpe2fs", path);
  const number = (name: string) => {
    const match = dump.match(new RegExp(`^${name}: +(\\d+)`, "m"));
    return match === null ? undefined : Number(match[1]);
  };
  const blockSize = number("Block size")!;
  const blockCount = number("Block count")!;
  const clusterBlocks = (number("Cluster size") ?? blockSize) / blockSize;
  const ranges: FreeRange[] = [];
  for (const [, list] of dump.matchAll(/^ {2}Free blocks: (.*)$/gm)) {
    for (const piece of list!.split(", ").filter((each) => each !== "")) {
      const [first, last = first] = piece.split("-").map(Number) as [number, number?];
      // Of clusters it lists the first blocks; the last one may be cut off.
      const end = Math.min(blockCount, last + clusterBlocks);
      const previous = ranges.at(-1);
      const offset = first * blockSize;
      const length = (end - first) * blockSize;
      if (previous !== undefined && previous.offset + previous.length === offset) {
        ranges[ranges.length - 1] = { ...previous, length: previous.length + length };
      } else ranges.push({ offset, length });
    }
  }
  return ranges;
}

/** The hash of what debugfs reads of files, one after the other. */
export function contentsOf(dir: TempDir, path: string, names: readonly string[]): string {
  const script = dir.file("cat.txt");
  Deno.writeTextFileSync(script, names.map((name) => `cat /${name}\n`).join(""));
  const { stdout } = new Deno.Command(`${SBIN}debugfs`, {
    args: ["-f", script, path],
    stderr: "null",
  })
    .outputSync();
  return createHash("sha256").update(stdout).digest("hex");
}
