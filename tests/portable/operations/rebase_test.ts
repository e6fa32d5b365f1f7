import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  openVirtualDiskSync,
  type PortableVirtualDisk,
  type SettableInformation,
  type SettableKind,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { fileHash, pattern, TempDir } from "../../support.ts";
import { chain, failure } from "../chain/image_chain.ts";
import { contentsHash, openImageSync } from "../../images.ts";

const MIB = 1 << 20;
const FORMATS = ["vhd", "vhdx"] as const;
const OTHER_ID = "12345678-90ab-cdef-1234-567890abcdef";
const ALONE = { readOnly: false, flags: ["no-parents"] } as const;

function setParent<K extends SettableKind>(
  path: string,
  kind: K,
  value: SettableInformation[K],
): void {
  using child = openImageSync(path, ALONE);
  child.setInformation(kind, value);
}

function failureOrNone(
  disk: PortableVirtualDisk,
  value: SettableInformation["parentPathWithDepth"],
): string | undefined {
  try {
    disk.setInformation("parentPathWithDepth", value);
    return undefined;
  } catch (error) {
    if (error instanceof VirtualDiskError) return error.message;
    throw error;
  }
}

for (const format of FORMATS) {
  Deno.test(`${format}: a chain of five whose files were moved apart is repaired, link by link`, async () => {
    using dir = new TempDir();
    const paths = await chain(dir.file("old"), format, 5);
    using before = openImageSync(paths[0]!);
    const expected = contentsHash(before);
    before.close();
    const moved = paths.map((path, i) => {
      Deno.mkdirSync(dir.file(`new${i}`));
      const target = dir.file(`new${i}/moved.${format}`);
      Deno.renameSync(path, target);
      return target;
    });
    assertThrows(() => openImageSync(moved[0]!), VirtualDiskError, "PARENT_VHD_NOT_FOUND");
    for (let i = 0; i < 4; i++) {
      using child = openImageSync(moved[i]!, ALONE);
      child.setInformation("parentPath", moved[i + 1]!);
      assertEquals(child.parents, []);
      const { resolved, paths: named } = child.getInformation("parentLocation");
      assertEquals([resolved, named.includes(moved[i + 1]!)], [false, true]);
    }
    using after = openImageSync(moved[0]!);
    assertEquals(after.parents, moved.slice(1));
    assertEquals(contentsHash(after) === expected, true);
  });

  Deno.test(`${format}: a dry run refuses what would be refused, and stores nothing`, async () => {
    using dir = new TempDir();
    const paths = await chain(dir.file("old"), format, 4);
    const copy = dir.file(`old/copy.${format}`);
    Deno.copyFileSync(paths[2]!, copy);
    const other = dir.file(`other.${format}`);
    (await createImage(other, { size: 64 * MIB })).close();
    const before = paths.map((path) => fileHash(path));
    const rows = [
      { childDepth: 2, path: copy },
      { childDepth: 2, path: paths[2]! },
      { childDepth: 2, path: paths[0]!, ignoreMismatch: true },
      { childDepth: 2, path: other },
      { childDepth: 2, path: dir.file("none") },
      { childDepth: 4, path: copy },
      { childDepth: 5, path: copy },
    ];
    const outcomes = rows.map((value) => {
      using child = openImageSync(paths[0]!);
      const outcome = failureOrNone(child, { ...value, dryRun: true });
      assertEquals(child.parents, paths.slice(1));
      return outcome;
    });
    assertEquals(paths.map((path) => fileHash(path)), before);
    assertEquals(outcomes.map((each) => each === undefined), [true, true, ...Array(5).fill(false)]);
    for (const [i, value] of rows.entries()) {
      using child = openImageSync(paths[0]!, { access: ["all"], rwDepth: 4 });
      assertEquals(failureOrNone(child, { ...value, dryRun: true }), outcomes[i]);
      assertEquals(failureOrNone(child, value), outcomes[i]);
    }
    using closed = openImageSync(paths[0]!);
    closed.close();
    assertStringIncludes(failureOrNone(closed, rows[0]!) ?? "", "ERROR_INVALID_HANDLE");
    assertStringIncludes(
      failureOrNone(closed, { ...rows[0]!, dryRun: true }) ?? "",
      "ERROR_INVALID_HANDLE",
    );
  });

  Deno.test(`${format}: links of files further up are set through an open chain`, async () => {
    using dir = new TempDir();
    const paths = await chain(dir.file("old"), format, 5);
    const base = dir.file(`base.${format}`);
    Deno.copyFileSync(paths[4]!, base);
    using child = openImageSync(paths[0]!, { access: ["all"], rwDepth: 4 });
    const expected = contentsHash(child);
    child.setInformation("parentPathWithDepth", { childDepth: 4, path: base });
    assertEquals(child.parents, [...paths.slice(1, 4), base]);
    assertEquals(contentsHash(child) === expected, true);
    child.close();
    Deno.removeSync(paths[4]!);
    using again = openImageSync(paths[0]!);
    assertEquals(again.parents, [...paths.slice(1, 4), base]);
    assertEquals(contentsHash(again) === expected, true);
  });

  Deno.test(`${format}: an open chain knows which parent a file further up has got through it`, async () => {
    using dir = new TempDir();
    const paths = await chain(dir.file("old"), format, 3);
    const other = dir.file(`other.${format}`);
    (await createImage(other, { size: 8 * MIB })).close();
    using child = openImageSync(paths[0]!, { access: ["all"], rwDepth: 2, ignoreChildren: true });
    const parent = { childDepth: 2, path: other };
    child.setInformation("parentPathWithDepth", { ...parent, ignoreMismatch: true });
    // That is the one which the file expects now.
    child.setInformation("parentPathWithDepth", parent);
    assertEquals(child.parents, [paths[1]!, other]);
  });

  Deno.test(`${format}: a parent further up in a chain that is open for writing becomes the next`, async () => {
    using dir = new TempDir();
    const paths = await chain(dir.file("old"), format, 4);
    using child = openImageSync(paths[0]!, { access: ["all"], rwDepth: 3 });
    const expected = contentsHash(child);
    const refused = () => child.setInformation("parentPath", paths[2]!);
    assertEquals(failure(child, refused), "ERROR_VHD_CHILD_PARENT_ID_MISMATCH");
    assertEquals(child.parents, paths.slice(1));
    assertEquals(contentsHash(child) === expected, true);
    child.setInformation("parentPath", { path: paths[2]!, ignoreMismatch: true });
    assertEquals(child.parents, paths.slice(2));
  });

  Deno.test(`${format}: a disk goes on through its new parent at once, and can be written to`, async () => {
    using dir = new TempDir();
    const [path, parent] = await chain(dir.file("old"), format, 2);
    const copy = dir.file(`old/copy.${format}`);
    Deno.copyFileSync(parent!, copy);
    using child = openImageSync(path!, { readOnly: false });
    const expected = contentsHash(child);
    child.writeSync(pattern(3000, 9), 5 * MIB);
    child.setInformation("parentPath", copy);
    assertEquals(child.parents, [copy]);
    Deno.removeSync(parent!);
    child.writeSync(pattern(3 * MIB, 9), 5 * MIB);
    child.writeSync(new Uint8Array(3 * MIB), 5 * MIB);
    child.close();
    using again = openImageSync(path!);
    assertEquals(again.parents, [copy]);
    assertEquals(contentsHash(again) === expected, true);
  });

  Deno.test(`${format}: a child of the repaired child still knows it`, async () => {
    using dir = new TempDir();
    const [child, middle, base] = await chain(dir.file("old"), format, 3);
    const moved = dir.file(`moved.${format}`);
    Deno.renameSync(base!, moved);
    setParent(middle!, "parentPath", moved);
    using disk = openImageSync(child!);
    assertEquals(disk.parents, [middle!, moved]);
  });

  Deno.test(`${format}: a parent with another identifier is refused, unless asked for`, async () => {
    using dir = new TempDir();
    const [path, parent] = await chain(dir.file("old"), format, 2);
    const other = dir.file(`other.${format}`);
    (await createImage(other, { size: 8 * MIB })).close();
    using child = openImageSync(path!, ALONE);
    const before = fileHash(path!);
    const error = assertThrows(() => child.setInformation("parentPath", other), VirtualDiskError);
    assertEquals(
      [error.symbol, error.operation],
      ["ERROR_VHD_CHILD_PARENT_ID_MISMATCH", "SetVirtualDiskInformation"],
    );
    assertStringIncludes(error.causes.join(), "ignoreMismatch");
    assertEquals(fileHash(path!), before);
    child.setInformation("parentPath", { path: other, ignoreMismatch: true });
    child.close();
    using again = openImageSync(path!);
    assertEquals(again.parents, [other]);
    using otherDisk = openImageSync(other);
    assertEquals(
      again.getInformation("parentIdentifier"),
      otherDisk.getInformation("identifier"),
    );
    again.close();
    using back = openImageSync(path!, ALONE);
    back.setInformation("parentPathWithDepth", {
      childDepth: 1,
      path: parent!,
      ignoreMismatch: true,
    });
    back.close();
    using third = openImageSync(path!);
    assertEquals(third.parents, [parent!]);
  });

  Deno.test(`${format}: a parent that was changed is told from the child's, and ignoreMismatch opens it`, async () => {
    using dir = new TempDir();
    const [path, parent] = await chain(dir.file("old"), format, 2);
    using before = openImageSync(path!);
    const expected = contentsHash(before);
    before.close();
    using changed = openImageSync(parent!, { readOnly: false, ignoreChildren: true });
    if (format === "vhd") changed.setInformation("identifier", OTHER_ID);
    else changed.writeSync(pattern(MIB), 0);
    changed.close();
    const error = assertThrows(() => openImageSync(path!), VirtualDiskError);
    assertEquals(error.symbol, "ERROR_VHD_CHILD_PARENT_ID_MISMATCH");
    assertStringIncludes(error.message, "changed after the child was made");
    assertStringIncludes(error.causes.join(), "ignoreMismatch");
    using disk = openImageSync(path!, { ignoreMismatch: true });
    assertEquals(disk.parents, [parent!]);
    assertEquals(contentsHash(disk) === expected, true);
    assertThrows(() => openImageSync(path!), VirtualDiskError, "ID_MISMATCH");
  });

  Deno.test(`${format}: a parent that cannot be one is refused, and nothing is written`, async (t) => {
    using dir = new TempDir();
    const paths = await chain(dir.file("old"), format, 3);
    const [path, parent] = paths;
    const small = dir.file(`small.${format}`);
    (await createImage(small, { size: 4 * MIB })).close();
    const foreign = dir.file(format === "vhd" ? "foreign.vhdx" : "foreign.vhd");
    (await createImage(foreign, { size: 8 * MIB })).close();
    const wide = dir.file("wide.vhdx");
    (await createImage(wide, { size: 8 * MIB, sectorSize: 4096 })).close();
    const rows: [SettableKind, unknown, string, object?][] = [
      ["parentPath", dir.file(`none.${format}`), "ERROR_FILE_NOT_FOUND"],
      ["parentPath", path!, "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED"],
      [
        "parentPath",
        { path: path!, ignoreMismatch: true },
        "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED",
      ],
      ["parentPath", { path: foreign, ignoreMismatch: true }, "ERROR_INVALID_PARAMETER"],
      [
        "parentPath",
        { path: format === "vhd" ? small : wide, ignoreMismatch: true },
        "ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH",
      ],
      ["parentPathWithDepth", { childDepth: 2, path: parent! }, "ERROR_INVALID_PARAMETER"],
      [
        "parentPathWithDepth",
        { childDepth: 2, path: parent! },
        "ERROR_ACCESS_DENIED",
        { flags: [] },
      ],
      [
        "parentPathWithDepth",
        { childDepth: 3, path: parent! },
        "ERROR_VHD_INVALID_TYPE",
        { flags: [] },
      ],
      [
        "parentLocator",
        { linkageId: "00000000-0000-0000-0000-000000000000", path: "a" },
        "ERROR_INVALID_PARAMETER",
      ],
      ["parentLocator", { linkageId: OTHER_ID, path: "a\ud800" }, "ERROR_INVALID_NAME"],
      [
        "parentLocator",
        { linkageId: OTHER_ID, path: "x".repeat(33_000) },
        "ERROR_FILENAME_EXCED_RANGE",
      ],
    ];
    if (format === "vhd") {
      rows.push([
        "parentLocator",
        { linkageId: OTHER_ID, path: "\\\\.\\PhysicalDrive0" },
        "ERROR_INVALID_NAME",
      ]);
    }
    for (const [kind, value, symbol, options] of rows) {
      await t.step(`${kind} ${symbol}`, () => {
        const before = fileHash(path!);
        using child = openImageSync(path!, { ...ALONE, ...options });
        const set = () => child.setInformation(kind, value as SettableInformation[typeof kind]);
        assertEquals(failure(child, set), symbol);
        child.close();
        assertEquals(fileHash(path!), before);
      });
    }
  });

  Deno.test(`${format}: a cycle further up is seen, though parents are not opened`, async () => {
    using dir = new TempDir();
    const [child, middle, base] = await chain(dir.file("old"), format, 3);
    const value = { path: child!, ignoreMismatch: true };
    using disk = openImageSync(middle!, ALONE);
    assertEquals(
      failure(disk, () => disk.setInformation("parentPath", value)),
      "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED",
    );
    disk.setInformation("parentPath", base!);
  });

  Deno.test(`${format}: the parent locator is stored as it is`, async () => {
    using dir = new TempDir();
    const [path, parent] = await chain(dir.file("old"), format, 2);
    for (
      const [stored, named] of [
        ["..\\away\\base.vhd", dir.file("away/base.vhd")],
        ["/images/base.vhd", "/images/base.vhd"],
        [`.\\1.${format}`, dir.file(`old/1.${format}`)],
      ] as const
    ) {
      using child = openImageSync(path!, ALONE);
      child.setInformation("parentLocator", { linkageId: `{${OTHER_ID}}`, path: stored });
      assertEquals(child.getInformation("parentIdentifier"), OTHER_ID);
      if (Deno.build.os !== "windows") {
        assertEquals(child.getInformation("parentLocation").paths.includes(named), true);
      }
    }
    using parentDisk = openImageSync(parent!);
    const linkageId = parentDisk.getInformation("identifier");
    setParent(path!, "parentLocator", { linkageId, path: `0.${format}` });
    using again = openImageSync(path!);
    assertEquals(again.parents, [parent!]);
  });

  Deno.test(`${format}: what has no parent takes none; a reader changes none`, async () => {
    using dir = new TempDir();
    const [child, base] = await chain(dir.file("old"), format, 2);
    using disk = openImageSync(base!, { readOnly: false });
    assertEquals(
      failure(disk, () => disk.setInformation("parentPath", child!)),
      "ERROR_VHD_INVALID_TYPE",
    );
    assertEquals(
      failure(disk, () => disk.setInformation("parentLocator", { linkageId: OTHER_ID, path: "a" })),
      "ERROR_VHD_INVALID_TYPE",
    );
    disk.close();
    using reader = openImageSync(child!);
    assertEquals(
      failure(reader, () => reader.setInformation("parentPath", base!)),
      "ERROR_ACCESS_DENIED",
    );
  });
}

Deno.test("rebaseVirtualDisk(): the native backend does not ignore identifiers", () => {
  const error = assertThrows(
    () => openVirtualDiskSync("a.vhdx", { backend: "native", ignoreMismatch: true }),
    VirtualDiskError,
  );
  assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
});

Deno.test("rebaseVirtualDisk(): ignoreMismatch is a boolean, and a parent's path not empty", async () => {
  using dir = new TempDir();
  const [child] = await chain(dir.file("old"), "vhdx", 2);
  using disk = openImageSync(child!, ALONE);
  const set = (value: unknown) => () =>
    disk.setInformation("parentPath", value as SettableInformation["parentPath"]);
  assertThrows(set({ path: "a", ignoreMismatch: 1 }), TypeError, "ignoreMismatch");
  assertThrows(set({ path: "" }), TypeError, "path must not be empty");
  assertThrows(set({}), TypeError);
  assertThrows(set(null), TypeError);
});
