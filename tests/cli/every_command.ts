/** Each command, with what it may read and write at least, and what it finds in its folder. */
import { createImage } from "../create_image.ts";
import { withOneLess } from "../one_less.ts";
import type { TempDir } from "../support.ts";

const MIB = 2 ** 20;
const METADATA_ID = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";

/** A command, and what it may read and write at least. */
export interface Command {
  readonly line: string;
  /** Its exit status; default: 0. */
  readonly code?: number;
  readonly read?: string;
  readonly write?: string;
  /** The flags of other permissions. */
  readonly others?: string;
  /** Whether it tells what it knows, with status 1, if it may not read the parents. */
  readonly mayLackParents?: true;
  /** Whether a sample can do without it: another line has the same command, and no later one takes what it makes. */
  readonly hasLike?: true;
}

/** Each command. Earlier ones make what later ones take. */
export const COMMANDS: readonly Command[] = [
  { line: "create disk.vhdx 64M", read: ".", write: "." },
  { line: "create --parent disk.vhdx child.vhdx", read: ".", write: "." },
  { line: "info disk.vhdx child.vhdx", read: "disk.vhdx,child.vhdx" },
  { line: "info --json disk.vhdx", read: "disk.vhdx", hasLike: true },
  { line: "info none.vhdx", read: "none.vhdx", code: 2 },
  { line: "info --tree .", read: ".", code: 0 },
  {
    line: "info --tree child.vhdx",
    read: "disk.vhdx,child.vhdx",
    mayLackParents: true,
    hasLike: true,
  },
  { line: "diagnose child.vhdx", read: "disk.vhdx,child.vhdx" },
  { line: "diagnose none.vhdx", read: "none.vhdx", code: 2, hasLike: true },
  { line: "convert --subtype fixed disk.vhdx copy.vhd", read: ".", write: "." },
  { line: "write --offset 1MiB child.vhdx <bytes", read: ".", write: "child.vhdx" },
  { line: "read --length 4 child.vhdx >bytes", read: "disk.vhdx,child.vhdx" },
  { line: "changes child.vhdx", read: "disk.vhdx,child.vhdx", code: 1 },
  { line: "compare disk.vhdx copy.vhd", read: "disk.vhdx,copy.vhd" },
  { line: "compare disk.vhdx child.vhdx", read: "disk.vhdx,child.vhdx", code: 1, hasLike: true },
  { line: "map child.vhdx", read: "disk.vhdx,child.vhdx" },
  { line: "free disk.vhdx", read: "disk.vhdx" },
  { line: "map --as totals child.vhdx", read: "disk.vhdx,child.vhdx", hasLike: true },
  { line: "map --as pieces --free-space child.vhdx", read: "disk.vhdx,child.vhdx", hasLike: true },
  { line: "map --svg child.svg child.vhdx", read: "disk.vhdx,child.vhdx", write: "child.svg" },
  { line: "serve child.vhdx", read: ".", write: ".", others: "--allow-net" },
  { line: "rebase child.vhdx disk.vhdx", read: ".", write: "child.vhdx" },
  { line: "merge --into new.vhdx child.vhdx", read: ".", write: ".", hasLike: true },
  { line: "merge --remove-child child.vhdx", read: ".", write: "disk.vhdx,child.vhdx" },
  { line: "expand disk.vhdx 65MiB", read: ".", write: "disk.vhdx" },
  { line: "resize disk.vhdx 66MiB", read: ".", write: "disk.vhdx" },
  { line: "compact disk.vhdx", read: "disk.vhdx", write: "disk.vhdx" },
  { line: "compact --free-space disk.vhdx", read: ".", write: "disk.vhdx", hasLike: true },
  { line: `metadata --set ${METADATA_ID} disk.vhdx <bytes`, read: ".", write: "disk.vhdx" },
  { line: "metadata disk.vhdx", read: "disk.vhdx", hasLike: true },
  {
    line: "serve --writable --socket nbd.sock disk.vhdx",
    read: ".",
    write: "disk.vhdx,nbd.sock",
    others: "--allow-net --allow-sys=umask",
    hasLike: true,
  },
  { line: "map --salvage damaged.vhdx", read: "damaged.vhdx", hasLike: true },
  { line: "salvage --overwrite damaged.vhdx saved.vhdx", read: ".", write: "." },
  { line: "check disk.vhdx", read: "disk.vhdx" },
  { line: "check damaged.vhdx", read: "damaged.vhdx", code: 1, hasLike: true },
  { line: "check --repair damaged.vhdx", read: "damaged.vhdx", write: "damaged.vhdx" },
  { line: "completions bash" },
  { line: "manual" },
];

/** The flags without which it does not run. */
export function theirGrants({ read, write, others }: Command): string[] {
  return [
    ...(read === undefined ? [] : [`--allow-read=${read}`]),
    ...(write === undefined ? [] : [`--allow-write=${write}`]),
    ...(others?.split(" ") ?? []),
  ];
}

/** These with one path less, each time another one. A server is done with all of a flag at once. */
export function lesserGrants(command: Command): string[][] {
  const grants = theirGrants(command);
  return command.others === undefined
    ? withOneLess(grants)
    : grants.map((missing) => grants.filter((each) => each !== missing));
}

/** Images that the commands find in their folder. */
export async function makeFiles(dir: TempDir): Promise<void> {
  Deno.writeTextFileSync(dir.file("bytes"), "boot");
  (await createImage(dir.file("damaged.vhdx"), { size: 8 * MIB })).close();
  // One of two headers: `check` finds it, and can repair it.
  using file = Deno.openSync(dir.file("damaged.vhdx"), { write: true });
  file.seekSync(64 * 1024 + 100, Deno.SeekMode.Start);
  file.writeSync(new Uint8Array([1]));
}
