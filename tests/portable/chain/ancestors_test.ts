import { assertEquals, assertThrows } from "@std/assert";
import { openChainFile } from "../../../src/portable/chain/ancestors.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";

Deno.test({
  name: "openChainFile(): whoever passes a URL as a path that is not there is told how to pass it",
  // Windows refuses the names.
  ignore: Deno.build.os === "windows",
  permissions: { read: true },
  fn() {
    for (
      const [path, symbol, isUrl] of [
        ["https://example.com/disk.vhdx", "ERROR_PATH_NOT_FOUND", true],
        ["HTTP://example.com/disk.vhdx", "ERROR_PATH_NOT_FOUND", true],
        // A file in the current folder, by its name.
        ["https://", "ERROR_FILE_NOT_FOUND", true],
        ["no-such-disk.vhdx", "ERROR_FILE_NOT_FOUND", false],
        ["no-such-folder/https://disk.vhdx", "ERROR_PATH_NOT_FOUND", false],
      ] as const
    ) {
      const error = assertThrows(() => openChainFile(path, { sharing: "readers" }), ImageError);
      assertEquals(error.symbol, symbol, path);
      const hint = `A string is always a path. For a URL, pass \`new URL("${path}")\`.`;
      assertEquals(error.options.causes?.includes(hint) ?? false, isUrl, path);
    }
  },
});
