import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { NewFile } from "../../src/native/create.ts";
import { TempDir } from "../support.ts";
import { testWithDouble } from "./with_double.ts";

const CREATE = "CreateVirtualDisk";
const MIB = 1024 * 1024;
const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/";

/** A create that ends with `code`, and a file in its place when it does. */
async function failingCreate(
  { double, create }: Parameters<Parameters<typeof testWithDouble>[1]>[0],
  path: string,
  { code, overwrite = false, made }: { code: number; overwrite?: boolean; made?: string },
): Promise<void> {
  double.operations.tell(CREATE, { steps: Infinity, code });
  const work = create(path, { size: 4 * MIB, overwrite });
  const outcome = assertRejects(() => work, VirtualDiskError);
  while (double.operations.pending === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  if (made !== undefined) Deno.writeTextFileSync(path, made);
  double.operations.endAll();
  await outcome;
}

testWithDouble("a failed create removes the file that it has made", async (context) => {
  using dir = new TempDir();
  const path = dir.file("new.vhdx");
  await failingCreate(context, path, { code: 112, made: "half of a disk" });
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

testWithDouble("a failed create leaves alone what was there before it", async (context) => {
  using dir = new TempDir();
  const path = dir.file("old.vhdx");
  Deno.writeTextFileSync(path, "old");
  await failingCreate(context, path, { code: 80 });
  await failingCreate(context, path, { code: 112 });
  assertEquals(Deno.readTextFileSync(path), "old");
});

testWithDouble("a create leaves alone what another has made meanwhile", async (context) => {
  using dir = new TempDir();
  const path = dir.file("theirs.vhdx");
  await failingCreate(context, path, { code: 80, made: "theirs" });
  assertEquals(Deno.readTextFileSync(path), "theirs");
});

testWithDouble("a failed create with overwrite brings the old file back", async (context) => {
  using dir = new TempDir();
  const path = dir.file("old.vhdx");
  Deno.writeTextFileSync(path, "old");
  await failingCreate(context, path, { code: 112, overwrite: true, made: "half of a disk" });
  assertEquals(Deno.readTextFileSync(path), "old");
  assertEquals([...Deno.readDirSync(dir.path)].length, 1);
});

testWithDouble("a create with overwrite replaces the old file", async ({ create }) => {
  using dir = new TempDir();
  const path = dir.file("old.vhdx");
  Deno.writeTextFileSync(path, "old");
  using _disk = await create(path, { size: 4 * MIB, overwrite: true });
  assertEquals([...Deno.readDirSync(dir.path)], []); // the double makes no file
});

Deno.test("an old file that cannot be brought back is named", async () => {
  let moves = 0;
  const file = await NewFile.at(
    {
      GetFileAttributesW: () => 0x20,
      DeleteFileW: () => 1,
      GetLastError: () => 5,
      MoveFileExW: () => moves++ === 0 ? 1 : 0,
    },
    "C:\\images\\a.vhdx",
    true,
  );
  const reason = new Error("the create failed");
  const error = await assertRejects(() => file.undo(reason), VirtualDiskError);
  assertEquals([error.symbol, error.cause], ["ERROR_ACCESS_DENIED", reason]);
  assertMatch(
    error.message,
    /could not be brought back: it is "C:.*a\.vhdx\.[0-9a-f-]{36}\.old"/,
  );
});

for (const length of [218, 219, 240, 259, 280]) {
  testWithDouble(`a file whose path has ${length} characters is replaced`, async (context) => {
    using dir = new TempDir();
    const folder = dir.file(`long/${"f".repeat(length - dir.path.length - 15)}`).replaceAll(
      "/",
      SEPARATOR,
    );
    Deno.mkdirSync(folder, { recursive: true });
    const path = `${folder}${SEPARATOR}old.vhdx`;
    assertEquals(path.length, length);
    Deno.writeTextFileSync(path, "old");
    await failingCreate(context, path, { code: 112, overwrite: true, made: "half of a disk" });
    assertEquals(Deno.readTextFileSync(path), "old");
    context.double.operations.tell(CREATE, {});
    (await context.create(path, { size: 4 * MIB, overwrite: true })).close();
    assertEquals([...Deno.readDirSync(folder)], []);
  });
}

testWithDouble("a file with a name as long as there are is replaced", async (context) => {
  using dir = new TempDir();
  const path = dir.file(`${"n".repeat(250)}.vhdx`);
  Deno.writeTextFileSync(path, "old");
  await failingCreate(context, path, { code: 112, overwrite: true, made: "half of a disk" });
  assertEquals(Deno.readTextFileSync(path), "old");
});

testWithDouble("a create that does not start deletes nothing", async (context) => {
  using dir = new TempDir();
  const path = dir.file("theirs.vhdx");
  const { double, create, libraries } = context;
  double.nextResult(CREATE, 5);
  const { GetFileAttributesW } = libraries.kernel32;
  // Somebody makes the file between the look and the call.
  Object.assign(libraries.kernel32, {
    GetFileAttributesW: (name: Parameters<typeof GetFileAttributesW>[0]) => {
      const attributes = GetFileAttributesW(name);
      Deno.writeTextFileSync(path, "theirs");
      return attributes;
    },
  });
  try {
    await assertRejects(() => create(path, { size: 4 * MIB }), VirtualDiskError);
  } finally {
    Object.assign(libraries.kernel32, { GetFileAttributesW });
  }
  assertEquals(Deno.readTextFileSync(path), "theirs");
});

testWithDouble(
  "a handle that cannot be closed does not keep the create from undoing",
  async (context) => {
    using dir = new TempDir();
    const path = dir.file("old.vhdx");
    Deno.writeTextFileSync(path, "old");
    const { libraries } = context;
    const { CloseHandle } = libraries.kernel32;
    Object.assign(libraries.kernel32, {
      CloseHandle: (handle: bigint) => (CloseHandle(handle), 0),
    });
    try {
      await failingCreate(context, path, { code: 112, overwrite: true, made: "half of a disk" });
    } finally {
      Object.assign(libraries.kernel32, { CloseHandle });
    }
    assertEquals(Deno.readTextFileSync(path), "old");
  },
);

Deno.test("a file that a virus scanner has open is tried again, for some time", async () => {
  for (const [failures, moved] of [[3, true], [Infinity, false]] as const) {
    let calls = 0;
    const made = NewFile.at(
      {
        GetFileAttributesW: () => 0x20,
        DeleteFileW: () => 1,
        GetLastError: () => 32,
        MoveFileExW: () => ++calls > failures ? 1 : 0,
      },
      "C:\\images\\a.vhdx",
      true,
    );
    const outcome = await made.then(() => "moved", (error) => error.symbol);
    assertEquals(outcome, moved ? "moved" : "ERROR_SHARING_VIOLATION");
    assertEquals(calls > 1, true);
  }
});
