import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors.ts";
import { NewFile } from "../../src/native/new_file.ts";
import { onlyOn, TempDir, testWith } from "../support.ts";
import { testWithDouble } from "./with_double.ts";

const CREATE = "CreateVirtualDisk";
const MIB = 1024 * 1024;

/** What happens to files, which the double leaves to the kernel32.dll of Windows. */
function testWithFiles(name: string, fn: Parameters<typeof testWithDouble>[1]): void {
  if (onlyOn("windows")() === undefined) testWithDouble(name, fn);
  else testWith([onlyOn("windows")], name, () => {});
}

/** A create that ends with `code`, and a file in its place when it does. */
async function failingCreate(
  { double, create }: Parameters<Parameters<typeof testWithDouble>[1]>[0],
  path: string,
  { code, overwrite = false, made }: { code: number; overwrite?: boolean; made?: string },
): Promise<void> {
  double.operations.tell(CREATE, { steps: Infinity, code });
  const work = create(path, { size: 4 * MIB, overwrite });
  if (made !== undefined) Deno.writeTextFileSync(path, made);
  double.operations.endAll();
  await assertRejects(() => work, VirtualDiskError);
}

testWithFiles("a failed create removes the file that it has made", async (context) => {
  using dir = new TempDir();
  const path = dir.file("new.vhdx");
  await failingCreate(context, path, { code: 112, made: "half of a disk" });
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

testWithFiles("a failed create leaves alone what was there before it", async (context) => {
  using dir = new TempDir();
  const path = dir.file("old.vhdx");
  Deno.writeTextFileSync(path, "old");
  await failingCreate(context, path, { code: 80 });
  await failingCreate(context, path, { code: 112 });
  assertEquals(Deno.readTextFileSync(path), "old");
});

testWithFiles("a create leaves alone what another has made meanwhile", async (context) => {
  using dir = new TempDir();
  const path = dir.file("theirs.vhdx");
  await failingCreate(context, path, { code: 80, made: "theirs" });
  assertEquals(Deno.readTextFileSync(path), "theirs");
});

testWithFiles("a failed create with overwrite brings the old file back", async (context) => {
  using dir = new TempDir();
  const path = dir.file("old.vhdx");
  Deno.writeTextFileSync(path, "old");
  await failingCreate(context, path, { code: 112, overwrite: true, made: "half of a disk" });
  assertEquals(Deno.readTextFileSync(path), "old");
  assertEquals([...Deno.readDirSync(dir.path)].length, 1);
});

testWithFiles("a create with overwrite replaces the old file", async ({ create }) => {
  using dir = new TempDir();
  const path = dir.file("old.vhdx");
  Deno.writeTextFileSync(path, "old");
  using _disk = await create(path, { size: 4 * MIB, overwrite: true });
  assertEquals([...Deno.readDirSync(dir.path)], []); // the double makes no file
});

Deno.test("an old file that cannot be brought back is named", () => {
  let moves = 0;
  const file = new NewFile(
    {
      GetFileAttributesW: () => 0x20,
      DeleteFileW: () => 1,
      GetLastError: () => 32,
      MoveFileExW: () => moves++ === 0 ? 1 : 0,
    },
    "C:\\images\\a.vhdx",
    true,
  );
  const reason = new Error("the create failed");
  const error = assertThrows(() => file.undo(reason), VirtualDiskError);
  assertEquals([error.symbol, error.cause], ["ERROR_SHARING_VIOLATION", reason]);
  assertMatch(
    error.message,
    /could not be brought back: it is "C:.*a\.vhdx\.[0-9a-f-]{36}\.old"/,
  );
});
