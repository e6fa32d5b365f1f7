/**
 * What people are told who meet one of the 25 things that go wrong most, by the API and on the command line:
 * each condition is made for real, and the message must say what helps there, and nothing that does not.
 * Those that only Windows knows are in `native/messages_test.ts`.
 */
import { assert, assertMatch } from "@std/assert";
import { type createVirtualDisk, openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { runCli } from "../cli/run_cli.ts";
import { createImage } from "../create_image.ts";
import { onlyOn, TempDir, testWith } from "../support.ts";

export const MIB = 2 ** 20;
export const PORTABLE = { backend: "portable" } as const;
/** Where a VHDX has its headers. */
export const HEADERS = [64 * 1024, 128 * 1024];

/** Nothing of this belongs to a system that is not Windows, nor a name that nobody has given. */
export const NOT_HERE =
  /elevated|administrator|SeManage|indexer|Explorer|This Windows|Resize-Partition|\.virtdisk-/;
/** Nothing of this can be typed at a shell. */
export const NOT_AT_A_SHELL =
  /\{ \w+|\b[a-z]\w*\(\)|the flag "|`[a-z]+[A-Z]\w*`|\w+VirtualDisk\b|readOnly|\b[a-z]+[A-Z]\w*\b/;

/** A condition, and what people are told who meet it. */
export interface Row {
  readonly name: string;
  /** Makes the condition. */
  readonly make?: (dir: TempDir) => unknown;
  /** What a script does; it fails. */
  readonly api?: (dir: TempDir) => unknown;
  /** What is typed; it fails too. */
  readonly cli?: readonly string[];
  /** What both are told. */
  readonly says?: readonly RegExp[];
  readonly apiSays?: readonly RegExp[];
  readonly cliSays?: readonly RegExp[];
  readonly never?: readonly RegExp[];
}

export function open(
  dir: TempDir,
  name: string,
  options: Parameters<typeof openVirtualDisk>[1] = {},
) {
  return openVirtualDisk(dir.file(name), { ...options, ...PORTABLE });
}

export async function create(
  dir: TempDir,
  name: string,
  options: Parameters<typeof createVirtualDisk>[1],
): Promise<void> {
  (await createImage(dir.file(name), options)).close();
}

export function patch(dir: TempDir, name: string, offset: number, bytes: Uint8Array): void {
  using file = Deno.openSync(dir.file(name), { write: true });
  file.seekSync(offset, Deno.SeekMode.Start);
  file.writeSync(bytes);
}

/** `child.vhdx` of `base.vhdx`. */
export async function makeChildOf(dir: TempDir): Promise<void> {
  await create(dir, "base.vhdx", { size: 4 * MIB });
  await create(dir, "child.vhdx", { parent: dir.file("base.vhdx") });
}

/** The message and all causes: what somebody reads who prints the error and its causes. */
export async function told(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    assert(error instanceof Error);
    const causes = error instanceof VirtualDiskError ? error.causes.slice(1) : [];
    return [error.message, ...causes].join("\n");
  }
  throw new Error("nothing failed");
}

export function assertSays(text: string, says: readonly RegExp[], never: readonly RegExp[]): void {
  for (const words of says) assertMatch(text, words);
  for (const words of never) assert(!words.test(text), `${words} in: ${text}`);
}

/** A test for each row, by the API and on the command line: each makes a condition of its own. */
export function testMessages(rows: readonly Row[]): void {
  for (const row of rows) {
    testWith([onlyOn("linux", "darwin")], `message ${row.name}`, async (t) => {
      using dir = new TempDir();
      await row.make?.(dir);
      const { api, cli, says = [], apiSays = [], cliSays = [], never = [] } = row;
      if (api !== undefined) {
        await t.step("API", async () => {
          assertSays(await told(() => api(dir)), [...says, ...apiSays], [...never, NOT_HERE]);
        });
      }
      if (cli !== undefined) {
        await t.step("command line", async () => {
          const { code, out, err } = await runCli(dir, cli);
          // Whoever only looks is told on standard output.
          const isLooking = cli[0] === "check" || cli[0] === "diagnose";
          assert(isLooking || code === 1 || code === 2, `exit status ${code}`);
          const text = isLooking ? out : err;
          // What was typed may be anything.
          const said = text.replaceAll(dir.path, "").replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
          assertSays(text, [...says, ...cliSays], never);
          assertSays(said.replaceAll(/ERROR_\w+/g, ""), [], [NOT_HERE, NOT_AT_A_SHELL]);
        });
      }
    });
  }
}
