import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TempDir, testWith } from "../support.ts";
import { KERNEL32, openInChild, systemHas, VIRTDISK } from "./system.ts";

const loadable = systemHas("windows", "double");
const BOTH = `--allow-ffi=${VIRTDISK},${KERNEL32}`;
/** The double opens whatever it is asked for; Windows has no such file. */
const REACHED = /^(opened C:\\no such folder\\a\.vhd$|ERROR_PATH_NOT_FOUND |ERROR_FILE_NOT_FOUND )/;
const PATH = "C:\\no such folder\\a.vhd";

testWith(
  [loadable],
  "leave to load the two libraries by their absolute paths is all that an open takes",
  () => {
    const { code, text } = openInChild(PATH, [BOTH]);
    assertMatch(text, REACHED);
    assertEquals(code, 0);
  },
);

testWith([loadable], "a relative path takes no further leave", () => {
  using dir = new TempDir();
  const { text } = openInChild("a.vhd", [BOTH], { cwd: dir.path });
  assertMatch(text, /^(opened [A-Z]:\\.*\\a\.vhd$|ERROR_FILE_NOT_FOUND )/);
});

for (
  const [name, permissions] of [
    ["no leave to load libraries", []],
    ["leave for kernel32.dll alone", [`--allow-ffi=${KERNEL32}`]],
    ["leave for virtdisk.dll alone", [`--allow-ffi=${VIRTDISK}`]],
    ["leave for the files alone", ["--allow-read", "--allow-write"]],
  ] as const
) {
  testWith([loadable], `an open with ${name} is refused by Deno, not by the disk`, () => {
    const { text } = openInChild(PATH, permissions);
    assertStringIncludes(text, "NotCapable");
    assertStringIncludes(text, "--allow-ffi");
  });
}

testWith([loadable], "a library planted in the working directory is not loaded", () => {
  using dir = new TempDir();
  for (const name of ["virtdisk.dll", "kernel32.dll"]) {
    Deno.writeTextFileSync(dir.file(name), "not a library");
  }
  assertMatch(openInChild(PATH, ["--allow-ffi"], { cwd: dir.path }).text, REACHED);
});

testWith(
  [loadable],
  "with leave for all libraries no folder is guessed, nor asked of anybody",
  () => {
    using dir = new TempDir();
    Deno.mkdirSync(dir.file("System32"));
    for (const name of ["virtdisk.dll", "kernel32.dll"]) {
      Deno.writeTextFileSync(`${dir.path}\\System32\\${name}`, "not a library");
    }
    const env = { SystemRoot: dir.path };
    assertMatch(openInChild(PATH, ["--allow-ffi", "--allow-env"], { env }).text, REACHED);
  },
);
