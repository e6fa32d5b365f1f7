import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type CreateOptions, VirtualDiskError } from "@virtdisk/virtdisk";
import { openVirtualDisk } from "@virtdisk/virtdisk/portable";
import { onlyOn, TempDir, testWith } from "../../support.ts";
import { createImage } from "../../create_image.ts";
import { newVhd, PARENT_IDENTIFIER } from "../vhd/vhd_builder.ts";
import { openImageSync } from "../../images.ts";

const MIB = 1 << 20;
const FORMATS = ["vhd", "vhdx"] as const;

async function create(path: string, options: CreateOptions): Promise<string> {
  (await createImage(path, options)).close();
  return path;
}

function failure(path: string, options = {}): VirtualDiskError {
  return assertThrows(() => openImageSync(path, options), VirtualDiskError);
}

for (const format of FORMATS) {
  Deno.test(`${format}: a child opens with all its ancestors, nearest first`, async () => {
    using dir = new TempDir();
    const paths = [await create(dir.file(`0.${format}`), { size: 8 * MIB })];
    for (let depth = 1; depth <= 5; depth++) {
      paths.unshift(await create(dir.file(`${depth}.${format}`), { parent: paths[0]! }));
    }
    using disk = openImageSync(paths[0]!);
    assertEquals(disk.parents, paths.slice(1));
    assertEquals(disk.getInformation("parentLocation"), { resolved: true, paths: [paths[1]!] });
    using parent = openImageSync(paths[1]!, { getInfoOnly: true });
    assertEquals(disk.getInformation("parentIdentifier"), parent.getInformation("identifier"));
  });

  Deno.test(`${format}: a missing parent is ERROR_VHD_PARENT_VHD_NOT_FOUND, naming every path tried`, async () => {
    using dir = new TempDir();
    const base = await create(dir.file(`base.${format}`), { size: 8 * MIB });
    const child = await create(dir.file(`child.${format}`), { parent: base });
    Deno.removeSync(base);
    const error = failure(child);
    assertEquals([error.code, error.symbol], [0xc03a000d, "ERROR_VHD_PARENT_VHD_NOT_FOUND"]);
    assertStringIncludes(error.message, JSON.stringify(base));
    assertMatch(error.causes.join(), /no-parents/);

    using alone = openImageSync(child, { flags: ["no-parents"] });
    assertEquals(alone.parents, []);
    const location = alone.getInformation("parentLocation");
    assertEquals(location.resolved, false);
    assertEquals(location.paths.includes(base), true);
  });

  Deno.test(`${format}: a child opened without parents tells what it does not hold`, async () => {
    using dir = new TempDir();
    const base = await create(dir.file(`base.${format}`), { size: 8 * MIB });
    const child = await create(dir.file(`child.${format}`), { parent: base });
    using alone = openImageSync(child, { flags: ["no-parents"] });
    assertEquals([...alone.extents()], [{ kind: "parent", offset: 0, length: 8 * MIB }]);
    const error = assertThrows(() => alone.readSync(new Uint8Array(1), 0), VirtualDiskError);
    assertEquals([error.symbol, error.operation], ["ERROR_VHD_INVALID_STATE", "ReadFile"]);
  });

  Deno.test(`${format}: another disk in the parent's place is ERROR_VHD_CHILD_PARENT_ID_MISMATCH`, async () => {
    using dir = new TempDir();
    const base = await create(dir.file(`base.${format}`), { size: 8 * MIB });
    const child = await create(dir.file(`child.${format}`), { parent: base });
    await create(base, { size: 8 * MIB, overwrite: true, ignoreChildren: true });
    assertEquals(failure(child).symbol, "ERROR_VHD_CHILD_PARENT_ID_MISMATCH");
  });

  Deno.test(`${format}: a damaged parent is ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT, with its cause`, async () => {
    using dir = new TempDir();
    const base = await create(dir.file(`base.${format}`), { size: 8 * MIB });
    const child = await create(dir.file(`child.${format}`), { parent: base });
    Deno.writeFileSync(base, new Uint8Array(2 * MIB));
    const error = failure(child);
    assertEquals(error.symbol, "ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT");
    assertEquals(error.cause instanceof VirtualDiskError && error.cause.path, base);
  });

  Deno.test(`${format}: a disk that is its own ancestor is ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED`, async () => {
    using dir = new TempDir();
    const base = await create(dir.file(`base.${format}`), { size: 8 * MIB });
    const child = await create(dir.file(`child.${format}`), { parent: base });
    Deno.copyFileSync(child, base);
    // The copy is not the parent's twin; linked to itself, the child finds itself.
    Deno.removeSync(base);
    Deno.linkSync(child, base);
    for (const readOnly of [true, false]) {
      assertEquals(
        failure(child, { readOnly }).symbol,
        "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED",
      );
    }
  });

  Deno.test(`${format}: parents are shared, a child open for writing is not`, async () => {
    using dir = new TempDir();
    const base = await create(dir.file(`base.${format}`), { size: 8 * MIB });
    const one = await create(dir.file(`one.${format}`), { parent: base });
    const two = await create(dir.file(`two.${format}`), { parent: base });
    using _first = openImageSync(one, { readOnly: false });
    using _second = openImageSync(two, { readOnly: false });
    assertEquals(failure(one).symbol, "ERROR_SHARING_VIOLATION");
    const error = failure(base, { readOnly: false });
    assertEquals(error.symbol, "ERROR_SHARING_VIOLATION");
    openImageSync(base).close();
  });

  Deno.test(`${format}: a parent open for writing stops its children, and is named`, async () => {
    using dir = new TempDir();
    const base = await create(dir.file(`base.${format}`), { size: 8 * MIB });
    const child = await create(dir.file(`child.${format}`), { parent: base });
    using _writer = openImageSync(base, { readOnly: false });
    const error = failure(child);
    assertEquals([error.symbol, error.path], ["ERROR_SHARING_VIOLATION", base]);
  });

  Deno.test(`${format}: rwDepth says how many files of the chain are open for writing`, async () => {
    using dir = new TempDir();
    const base = await create(dir.file(`base.${format}`), { size: 8 * MIB });
    const child = await create(dir.file(`child.${format}`), { parent: base });
    {
      using _one = openImageSync(child, { access: ["metaops"], rwDepth: 1 });
      openImageSync(base).close();
    }
    using _two = openImageSync(child, { access: ["metaops"], rwDepth: 2 });
    assertEquals(failure(base).symbol, "ERROR_SHARING_VIOLATION");
  });

  Deno.test(`${format}: a chain moves as a whole, found by its relative paths`, async () => {
    using dir = new TempDir();
    Deno.mkdirSync(dir.file("old/images"), { recursive: true });
    const base = await create(dir.file(`old/images/base.${format}`), { size: 8 * MIB });
    await create(dir.file(`old/child.${format}`), { parent: base });
    await create(dir.file(`old/images/leaf.${format}`), {
      parent: dir.file(`old/child.${format}`),
    });
    Deno.renameSync(dir.file("old"), dir.file("new"));
    using disk = openImageSync(dir.file(`new/images/leaf.${format}`));
    assertEquals(disk.parents, [
      dir.file(`new/child.${format}`),
      dir.file(`new/images/base.${format}`),
    ]);
  });

  testWith(
    [onlyOn("linux", "darwin")],
    `${format}: ignore-relative-parent-locator leaves a child made here without a way`,
    async () => {
      using dir = new TempDir();
      const base = await create(dir.file(`base.${format}`), { size: 8 * MIB });
      Deno.mkdirSync(dir.file("sub"));
      const child = await create(dir.file(`sub/child.${format}`), { parent: base });
      const error = failure(child, { flags: ["ignore-relative-parent-locator"] });
      assertEquals(error.symbol, "ERROR_VHD_PARENT_VHD_NOT_FOUND");
    },
  );
}

Deno.test("ImageChain: of a VHD a parent of another size is ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH", async () => {
  using dir = new TempDir();
  const identifier = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
  const base = await create(dir.file("base.vhd"), { size: 8 * MIB, identifier });
  const child = await create(dir.file("child.vhd"), { parent: base });
  await create(base, { size: 9 * MIB, identifier, overwrite: true, ignoreChildren: true });
  assertEquals(failure(child).symbol, "ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH");
});

Deno.test("ImageChain: of a VHDX a parent may have another size", async () => {
  using dir = new TempDir();
  const base = await create(dir.file("base.vhdx"), { size: 8 * MIB });
  {
    using child = await createImage(dir.file("child.vhdx"), { parent: base });
    await child.resize(9 * MIB);
  }
  using disk = openImageSync(dir.file("child.vhdx"));
  assertEquals([disk.size, disk.parents], [9 * MIB, [base]]);
});

testWith(
  [onlyOn("linux", "darwin")],
  "createVirtualDisk(): a parent that an image cannot name gets no child, and no file is left of it",
  async () => {
    using dir = new TempDir();
    const folder = dir.file("back\\slash");
    Deno.mkdirSync(folder);
    for (const format of FORMATS) {
      const parent = await create(`${folder}/base.${format}`, { size: 8 * MIB });
      const child = dir.file(`child.${format}`);
      const error = await assertRejects(() => create(child, { parent }), VirtualDiskError);
      assertEquals([error.symbol, error.path], ["ERROR_INVALID_NAME", child]);
    }
    assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["back\\slash"]);
  },
);

Deno.test("ImageChain: a parent in the network is not looked for, and the error names it and says why", () => {
  using dir = new TempDir();
  const path = dir.file("child.vhd");
  const parent = {
    identifier: PARENT_IDENTIFIER,
    relativePath: undefined,
    absolutePath: "\\\\server\\share\\base.vhd",
  };
  Deno.writeFileSync(path, newVhd({ subtype: "differencing", parent }));
  const { symbol, message } = failure(path);
  assertEquals(symbol, "ERROR_VHD_PARENT_VHD_NOT_FOUND");
  assertStringIncludes(message, JSON.stringify(parent.absolutePath));
  assertStringIncludes(message, "network");
});

Deno.test("openAncestors(): of an image without a path the error says how the image calls its parent", async () => {
  const parent = {
    identifier: PARENT_IDENTIFIER,
    relativePath: "..\\base.vhd",
    absolutePath: "C:\\vm\\base.vhd",
  };
  const error = await assertRejects(
    () => openVirtualDisk(newVhd({ subtype: "differencing", parent })),
    VirtualDiskError,
  );
  assertEquals(error.symbol, "ERROR_VHD_PARENT_VHD_NOT_FOUND");
  for (const name of [parent.relativePath, parent.absolutePath]) {
    assertStringIncludes(error.message, JSON.stringify(name));
  }
});
