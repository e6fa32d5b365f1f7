import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { dirname, join } from "@std/path";
import { openVirtualDisk, openVirtualDiskSync, VirtualDiskError } from "@virtdisk/virtdisk";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { denoCommand } from "../deno_command.ts";
import { onlyOn, ROOT, run, TempDir, testWith } from "../support.ts";
import { createImage } from "../create_image.ts";

const MIB = 1 << 20;
const PORTABLE = { backend: "portable" } as const;

/** The code of the VirtualDiskError that opening gives. */
function failure(path: string, options = {}): VirtualDiskError {
  return assertThrows(
    () => openVirtualDiskSync(path, { ...PORTABLE, ...options }),
    VirtualDiskError,
  );
}

async function make(path: string): Promise<string> {
  (await createImage(path, { size: 8 * MIB })).close();
  return path;
}

Deno.test("a missing file is ERROR_FILE_NOT_FOUND (2), a missing folder ERROR_PATH_NOT_FOUND (3)", async () => {
  using dir = new TempDir();
  const missing = failure(dir.file("missing.vhdx"));
  assertEquals([missing.code, missing.symbol], [2, "ERROR_FILE_NOT_FOUND"]);
  assertEquals([missing.operation, missing.path], ["OpenVirtualDisk", dir.file("missing.vhdx")]);
  assertEquals(failure(dir.file("missing/disk.vhdx")).code, 3);
  Deno.writeTextFileSync(dir.file("file"), "");
  assertEquals(failure(dir.file("file/disk.vhdx")).code, 3);
  await assertRejects(() => openVirtualDisk(dir.file("missing.vhdx"), PORTABLE), VirtualDiskError);
});

Deno.test("a folder is ERROR_ACCESS_DENIED (5)", () => {
  using dir = new TempDir();
  assertEquals(failure(dir.path).code, 5);
});

testWith([onlyOn("linux", "darwin")], "a pipe is refused instead of waited for", () => {
  using dir = new TempDir();
  new Deno.Command("mkfifo", { args: [dir.file("pipe.vhd")] }).outputSync();
  assertEquals(failure(dir.file("pipe.vhd")).symbol, "ERROR_NOT_SUPPORTED");
});

testWith(
  [onlyOn("linux", "darwin")],
  "a name longer than the system allows is ERROR_FILENAME_EXCED_RANGE",
  () => {
    using dir = new TempDir();
    assertEquals(failure(dir.file("x".repeat(300))).symbol, "ERROR_FILENAME_EXCED_RANGE");
  },
);

testWith(
  [onlyOn("linux")],
  "a file without rights is ERROR_ACCESS_DENIED (5) for another user",
  async () => {
    using dir = new TempDir();
    Deno.chmodSync(dir.path, 0o755);
    const path = await make(dir.file("disk.vhdx"));
    const openAsNobody = await openerWithoutRights(dir);
    for (
      const [mode, readOnly, outcome] of [
        [0o000, true, "5"],
        [0o444, false, "5"],
        [0o444, true, "opened"],
      ] as const
    ) {
      Deno.chmodSync(path, mode);
      assertEquals(openAsNobody(path, readOnly), outcome, `mode ${mode.toString(8)}`);
    }
  },
);

/** Opens in a process of another user: no file mode stops root. */
async function openerWithoutRights(
  dir: TempDir,
): Promise<(path: string, readOnly: boolean) => string> {
  // The other user may go neither to this repository nor to the program: both come into the folder.
  for (const part of ["deno.json", "mod.ts", "ffi.ts", "src", "tests/offline"]) {
    Deno.mkdirSync(dirname(dir.file(part)), { recursive: true });
    run("cp", "-R", join(ROOT, part), dir.file(part));
  }
  Deno.writeTextFileSync(
    dir.file("open.ts"),
    `import { openVirtualDiskSync } from "./mod.ts";
     const [path, readOnly] = Deno.args;
     try {
       openVirtualDiskSync(path!, { backend: "portable", readOnly: readOnly === "true" }).close();
       console.log("opened");
     } catch (error) {
       console.log((error as { code?: number }).code ?? String(error));
     }`,
  );
  const program = dir.file("deno");
  await Deno.copyFile(Deno.execPath(), program);
  run("chmod", "-R", "a+rX", dir.path);
  Deno.mkdirSync(dir.file("cache"));
  Deno.chmodSync(dir.file("cache"), 0o777);
  return (path, readOnly) => {
    const { stdout, stderr } = new Deno.Command(program, {
      args: ["run", "--no-prompt", "--allow-read", "--allow-write", "open.ts", path, `${readOnly}`],
      cwd: dir.path,
      ...(Deno.uid() === 0 ? { uid: 65534, gid: 65534 } : {}),
      env: {
        DENO_DIR: dir.file("cache"),
        HOME: dir.path,
        DENO_NO_UPDATE_CHECK: "1",
        ...Deno.env.has("JSR_URL") ? { JSR_URL: `file://${dir.file("tests/offline/")}` } : {},
      },
    }).outputSync();
    const text = new TextDecoder();
    return text.decode(stdout).trim() || text.decode(stderr);
  };
}

Deno.test("a type that the file does not have is refused", async (t) => {
  using dir = new TempDir();
  const vhdx = await make(dir.file("a.vhdx"));
  const vhd = await make(dir.file("a.vhd"));
  const rows = [
    [vhdx, "vhd", "ERROR_VHD_DRIVE_FOOTER_MISSING"],
    [vhdx, "iso", "ERROR_FILE_CORRUPT"],
    [vhd, "vhdx", "ERROR_VHD_FORMAT_UNKNOWN"],
    [vhd, "iso", "ERROR_FILE_CORRUPT"],
    [vhd, "vhdset", "ERROR_NOT_SUPPORTED"],
  ] as const;
  for (const [path, type, symbol] of rows) {
    await t.step(`${path.slice(-5)} as ${type}`, () => {
      assertEquals(failure(path, { type }).symbol, symbol);
    });
  }
});

Deno.test("the contents tell the format, whatever the extension says", async (t) => {
  using dir = new TempDir();
  for (
    const [type, name] of [["vhd", "a.vhdx"], ["vhdx", "a.vhd"], ["vhdx", "noextension"]] as const
  ) {
    await t.step(`${type} in ${name}`, async () => {
      const path = dir.file(name);
      (await createImage(path, { size: 8 * MIB, type, overwrite: true })).close();
      using disk = openVirtualDiskSync(path, PORTABLE);
      assertEquals(disk.getInformation("storageType").device, type);
    });
  }
});

Deno.test("a file without any signature gets the code that its extension deserves", async (t) => {
  using dir = new TempDir();
  const rows = [
    ["x.vhd", "ERROR_VHD_FORMAT_UNKNOWN"],
    ["x.avhdx", "ERROR_VHD_FORMAT_UNKNOWN"],
    ["x.ISO", "ERROR_FILE_CORRUPT"],
    ["x.img", "ERROR_VIRTDISK_PROVIDER_NOT_FOUND"],
    ["x", "ERROR_VIRTDISK_PROVIDER_NOT_FOUND"],
  ] as const;
  for (const [name, symbol] of rows) {
    await t.step(name, () => {
      for (const length of [0, 1, 511, 512, 40960]) {
        Deno.writeFileSync(dir.file(name), new Uint8Array(length));
        assertEquals(failure(dir.file(name)).symbol, symbol, `${length} bytes`);
      }
    });
  }
});

Deno.test("a file that fits two formats is not guessed at, but its extension or type decides", async () => {
  using dir = new TempDir();
  const disk = await createImage(dir.file("a.vhd"), { size: 3 * MIB, subtype: "fixed" });
  disk.close();
  // The user of a fixed disk may write anything at its start.
  const file = Deno.openSync(dir.file("a.vhd"), { write: true });
  file.writeSync(new TextEncoder().encode("vhdxfile"));
  file.close();
  using byExtension = openVirtualDiskSync(dir.file("a.vhd"), PORTABLE);
  assertEquals(byExtension.getInformation("storageType").device, "vhd");
  Deno.copyFileSync(dir.file("a.vhd"), dir.file("a.img"));
  assertEquals(failure(dir.file("a.img")).symbol, "ERROR_FILE_CORRUPT");
  using byType = openVirtualDiskSync(dir.file("a.img"), { ...PORTABLE, type: "vhd" });
  assertEquals(byType.getInformation("storageType").device, "vhd");
});

Deno.test("readers share an image, a writer has it alone, a query is in nobody's way", async (t) => {
  using dir = new TempDir();
  const path = await make(dir.file("disk.vhdx"));
  const openers = {
    reader: { readOnly: true },
    writer: { readOnly: false },
    query: { getInfoOnly: true },
    "version 1 reader": { access: ["attach-ro", "get-info"] },
    "version 1 writer": { access: ["metaops"] },
    "version 1 writer of depth 0": { access: ["metaops"], rwDepth: 0, backend: "portable" },
    "version 1 query": { access: ["get-info", "detach"] },
  } as const;
  const kind = (name: string) => name.includes("depth 0") ? "none" : name.replace("version 1 ", "");
  for (const [firstName, first] of Object.entries(openers)) {
    for (const [secondName, second] of Object.entries(openers)) {
      const kinds = [kind(firstName), kind(secondName)];
      const conflict = kinds.includes("writer") && !kinds.includes("query") &&
        !kinds.includes("none");
      await t.step(`${firstName}, then ${secondName}: ${conflict ? "conflict" : "both"}`, () => {
        using _disk = openVirtualDiskSync(path, { ...PORTABLE, ...first });
        if (conflict) {
          const error = failure(path, second);
          assertEquals([error.code, error.symbol], [32, "ERROR_SHARING_VIOLATION"]);
        } else {
          openVirtualDiskSync(path, { ...PORTABLE, ...second }).close();
        }
      });
    }
  }
});

Deno.test("an open that fails leaves no file open and no lock", async () => {
  using dir = new TempDir();
  const path = await make(dir.file("disk.vhdx"));
  for (let i = 0; i < 3; i++) failure(path, { type: "vhd", readOnly: false });
  openVirtualDiskSync(path, { ...PORTABLE, readOnly: false }).close();
});

Deno.test("a file that is called another image than it is is named", async () => {
  using dir = new TempDir();
  const path = await make(dir.file("disk.vhdx"));
  for (const readOnly of [true, false]) {
    const { reason, causes } = failure(path, { type: "vhd", readOnly });
    assertEquals(reason, "the file is a VHDX image, not a VHD image");
    assertEquals(causes, ["Leave the type out: what the file is, its contents say."]);
  }
});

Deno.test("an ISO image cannot be opened for writing, by name, by type or by contents", () => {
  using dir = new TempDir();
  const bytes = new Uint8Array(34816);
  bytes.set(new TextEncoder().encode("\x01CD001\x01"), 32768);
  for (const name of ["disc.iso", "disc.img"]) {
    Deno.writeFileSync(dir.file(name), bytes);
    assertEquals(failure(dir.file(name), { readOnly: false }).symbol, "ERROR_ACCESS_DENIED", name);
    assertEquals(failure(dir.file(name), { access: ["all"] }).symbol, "ERROR_ACCESS_DENIED", name);
    using disk = openVirtualDiskSync(dir.file(name), PORTABLE);
    assertEquals(disk.getInformation("size").sectorSize, 2048);
  }
});

testWith(
  [onlyOn("linux")],
  "a closed disk is unlocked, even if a copy of its file is open",
  async () => {
    // As in a child process that another thread has just begun.
    using dir = new TempDir();
    const path = await make(dir.file("disk.vhdx"));
    using library = new DisposableStack();
    const { symbols } = library.adopt(
      Deno.dlopen("libc.so.6", {
        dup: { parameters: ["i32"], result: "i32" },
        close: { parameters: ["i32"], result: "i32" },
      }),
      (libc) => libc.close(),
    );
    const disk = openVirtualDiskSync(path, { ...PORTABLE, readOnly: false });
    const [number] = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name)
      .filter((name) => linkOf(`/proc/self/fd/${name}`) === path);
    const copy = symbols.dup(Number(number));
    disk.close();
    try {
      openVirtualDiskSync(path, { ...PORTABLE, readOnly: false }).close();
    } finally {
      assertEquals(symbols.close(copy), 0);
    }
  },
);

/** Where a link leads; nowhere if it is gone. */
function linkOf(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}

Deno.test("the path of a disk is absolute, symbolic links resolved", async () => {
  using dir = new TempDir();
  const path = await make(dir.file("disk.vhdx"));
  Deno.writeTextFileSync(
    dir.file("path.ts"),
    `import { openVirtualDiskSync } from "${new URL("../../mod.ts", import.meta.url)}";
     using disk = openVirtualDiskSync("disk.vhdx", { backend: "portable" });
     console.log(disk.path);`,
  );
  // In a process of its own: tests that run at the same time share the working directory.
  const { stdout, stderr } = denoCommand({
    args: ["run", "--no-check", "--allow-read=.", "--config", join(ROOT, "deno.json"), "path.ts"],
    cwd: dir.path,
    env: { NO_COLOR: "1" },
  }).outputSync();
  const text = new TextDecoder();
  assertEquals([text.decode(stderr), text.decode(stdout)], ["", `${path}\n`]);
});

testWith(
  [onlyOn("linux", "darwin", "freebsd")],
  "the native backend off Windows is ERROR_NOT_SUPPORTED and says what can be done",
  () => {
    const error = assertThrows(
      () => openVirtualDiskSync("disk.vhdx", { backend: "native" }),
      VirtualDiskError,
    );
    assertEquals([error.code, error.symbol], [50, "ERROR_NOT_SUPPORTED"]);
    assertMatch(error.message, /portable/);
  },
);

Deno.test("flags that only Windows' driver can honour are ERROR_NOT_SUPPORTED", async (t) => {
  using dir = new TempDir();
  const path = await make(dir.file("disk.vhdx"));
  for (const flag of ["blank-file", "boot-drive", "vhdset-file-only"] as const) {
    await t.step(flag, () => {
      assertEquals(failure(path, { flags: [flag] }).symbol, "ERROR_NOT_SUPPORTED");
    });
  }
  await t.step("a snapshot of a VHD Set", () => {
    const snapshotId = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    assertEquals(failure(path, { snapshotId }).symbol, "ERROR_NOT_SUPPORTED");
  });
});

Deno.test("an unknown backend is a TypeError", async () => {
  const backend = "qemu" as "native";
  await assertRejects(() => openVirtualDisk("disk.vhdx", { backend }), TypeError);
});

Deno.test("ImageFile reads what is there and says how much", () => {
  using dir = new TempDir();
  using file = ImageFile.open(dir.file("x"), { createNew: true, write: true });
  file.writeAt(Uint8Array.of(1, 2, 3), 5);
  file.truncate(10);
  assertEquals(file.size, 10);
  const buffer = new Uint8Array(8);
  assertEquals(file.readAt(buffer, 4), 6);
  assertEquals([...buffer], [0, 1, 2, 3, 0, 0, 0, 0]);
  assertEquals(file.readAt(buffer, 100), 0);
  file.flush();
});
