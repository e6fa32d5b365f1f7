import { assertEquals } from "@std/assert";
import type { VirtualDiskError } from "@virtdisk/virtdisk";
import { fileHash, TempDir } from "../../support.ts";
import { chain, failure } from "./image_chain.ts";
import { contentsHash, openImageSync } from "../../images.ts";

for (const format of ["vhd", "vhdx"] as const) {
  Deno.test(`${format}: a chain is made by hand, and the stored links stay`, async () => {
    using dir = new TempDir();
    const paths = await chain(dir.file("old"), format, 5);
    using before = openImageSync(paths[0]!);
    const expected = contentsHash(before);
    before.close();
    Deno.mkdirSync(dir.file("new"));
    const moved = paths.map((path, i) => {
      Deno.renameSync(path, dir.file(`new/moved${i}.${format}`));
      return dir.file(`new/moved${i}.${format}`);
    });
    const hashes = moved.map(fileHash);
    using disk = openImageSync(moved[0]!, { flags: ["custom-diff-chain"] });
    assertEquals(
      failure(disk, () => disk.addParent(moved[2]!)),
      "ERROR_VHD_CHILD_PARENT_ID_MISMATCH",
    );
    assertEquals(
      failure(disk, () => disk.addParent(moved[0]!)),
      "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED",
    );
    for (const path of moved.slice(1)) disk.addParent(path);
    assertEquals(disk.parents, moved.slice(1));
    assertEquals(contentsHash(disk) === expected, true);
    assertEquals(failure(disk, () => disk.addParent(moved[4]!)), "ERROR_VHD_INVALID_TYPE");
    disk.close();
    assertEquals(failure(disk, () => disk.addParent(moved[4]!)), "ERROR_INVALID_HANDLE");
    assertEquals(moved.map(fileHash), hashes);
    using other = openImageSync(moved[0]!, { flags: ["no-parents"] });
    assertEquals(failure(other, () => other.addParent(moved[1]!)), "ERROR_INVALID_PARAMETER");
  });

  Deno.test(`${format}: as many files of a chain as rwDepth says are opened for writing`, async () => {
    using dir = new TempDir();
    const paths = await chain(dir.file("old"), format, 4);
    for (let rwDepth = 0; rwDepth <= 4; rwDepth++) {
      using _disk = openImageSync(paths[0]!, { access: ["all"], rwDepth });
      const isBusy = paths.map((path) => {
        try {
          openImageSync(path, { flags: ["no-parents"] }).close();
          return false;
        } catch (error) {
          assertEquals((error as VirtualDiskError).symbol, "ERROR_SHARING_VIOLATION");
          return true;
        }
      });
      assertEquals(isBusy, paths.map((_, i) => i < rwDepth));
    }
  });
}
