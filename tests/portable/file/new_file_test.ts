/** How a new image gets its name, and what becomes of a folder that cannot be made durable with it. */
import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { VirtualDiskError } from "@virtdisk/virtdisk";
import { removeImages } from "../../../src/portable/file/new_file.ts";
import { createImage } from "../../create_image.ts";
import { onlyOn, TempDir, testWith } from "../../support.ts";

const MIB = 2 ** 20;

/** Lets the sync of folders fail. */
class FailingFolders implements Disposable {
  readonly #original = Deno.FsFile.prototype.syncSync;

  constructor(code: string) {
    const original = this.#original;
    Deno.FsFile.prototype.syncSync = function () {
      if (this.statSync().isDirectory) throw Object.assign(new Error("injected"), { code });
      original.call(this);
    };
  }

  [Symbol.dispose](): void {
    Deno.FsFile.prototype.syncSync = this.#original;
  }
}

function names(dir: TempDir): string[] {
  return Array.from(Deno.readDirSync(dir.path), ({ name }) => name).sort();
}

for (const code of ["EIO", "ENOSPC"]) {
  testWith(
    [onlyOn("linux", "darwin")],
    `${code} from the sync of a folder fails a create`,
    async () => {
      using dir = new TempDir();
      using _folders = new FailingFolders(code);
      const error = await assertRejects(
        () => createImage(dir.file("a.vhdx"), { size: 8 * MIB }),
        VirtualDiskError,
      );
      assertEquals(error.symbol, code === "EIO" ? "ERROR_IO_DEVICE" : "ERROR_DISK_FULL");
      assertMatch(error.message, /the folder could not be made durable.*: there is no new image/);
      assertEquals([error.path, names(dir)], [dir.file("a.vhdx"), []]);
    },
  );
}

testWith(
  [onlyOn("linux", "darwin")],
  "an image that has replaced another stays, and says so",
  async () => {
    using dir = new TempDir();
    Deno.writeTextFileSync(dir.file("a.vhd"), "former");
    using folders = new FailingFolders("EIO");
    const error = await assertRejects(
      () => createImage(dir.file("a.vhd"), { size: 3 * MIB, subtype: "fixed", overwrite: true }),
      VirtualDiskError,
    );
    assertMatch(
      error.message,
      /the new image is there, but may be gone after a power failure, or the former one back/,
    );
    folders[Symbol.dispose]();
    assertEquals([names(dir), Deno.statSync(dir.file("a.vhd")).size], [["a.vhd"], 3 * MIB + 512]);
  },
);

testWith(
  [onlyOn("linux", "darwin")],
  "a new file does without the sync of a folder that has none",
  async (t) => {
    for (const code of ["EINVAL", "ENOTSUP", "EOPNOTSUPP"]) {
      await t.step(`${code}`, async () => {
        using dir = new TempDir();
        using _folders = new FailingFolders(code);
        (await createImage(dir.file("a.vhdx"), { size: 8 * MIB })).close();
        assertEquals(names(dir), ["a.vhdx"]);
      });
    }
  },
);

for (const [code, isMade] of [["EIO", false], ["ENOSPC", false], ["EPERM", true]] as const) {
  Deno.test(`${code} from a link ${isMade ? "means a file system without links" : "is a failure"}`, async () => {
    using dir = new TempDir();
    const original = Deno.linkSync;
    Deno.linkSync = () => {
      throw Object.assign(new Error("injected"), { code });
    };
    try {
      const create = () => createImage(dir.file("a.vhdx"), { size: 8 * MIB });
      if (isMade) (await create()).close();
      else await assertRejects(create, VirtualDiskError);
    } finally {
      Deno.linkSync = original;
    }
    assertEquals(names(dir), isMade ? ["a.vhdx"] : []);
  });
}

const narrow = new TempDir();
addEventListener("unload", () => narrow[Symbol.dispose]());
const removable = narrow.file("a.vhdx");

Deno.test({
  name: "removeImages() needs no permission but to write the file",
  permissions: { write: [removable] },
  fn: () => {
    Deno.writeFileSync(removable, new Uint8Array(1));
    removeImages([removable]);
    assertThrows(() => Deno.removeSync(removable), Deno.errors.NotFound);
  },
});
