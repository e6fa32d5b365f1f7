import { assertEquals } from "@std/assert";
import { shellFile, shellWord, virtdiskCommand } from "../../src/text/shell.ts";
import { onlyOn, testWith } from "../support.ts";
import { pureTest } from "../pure.ts";

const WORDS = [
  "disk.vhdx",
  "two words",
  "it's",
  'say "x"',
  "$HOME",
  "`id`",
  "a;b&c|d",
  "[1]*?{a,b}",
  "back\\slash",
  "new\nline",
  "tab\t50% 'q'",
  "\x1b[31mred",
  "ä€😀",
  "~root",
  "#x",
  "!!",
];

testWith([onlyOn("linux", "darwin")], "a POSIX shell gives each quoted word back", () => {
  for (const word of WORDS) {
    for (const shell of ["sh", "bash"]) {
      const { stdout } = new Deno.Command(shell, {
        args: ["-c", `printf %s ${shellWord(word, "linux")}`],
      }).outputSync();
      assertEquals(new TextDecoder().decode(stdout), word, `${shell}: ${shellWord(word, "linux")}`);
    }
  }
});

pureTest("no control character comes out of a quoted word", () => {
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  for (const word of WORDS) assertEquals(/[\x00-\x1f]/.test(shellWord(word, "linux")), false, word);
});

pureTest("on Windows a word is plain, in double quotes, or as PowerShell has it", () => {
  const rows: [word: string, quoted: string][] = [
    ["C:\\images\\disk.vhdx", "C:\\images\\disk.vhdx"],
    ["C:\\two words\\disk.vhdx", '"C:\\two words\\disk.vhdx"'],
    ["it's.vhd", `"it's.vhd"`],
    ["$HOME.vhd", "'$HOME.vhd'"],
    ["50%.vhd", "'50%.vhd'"],
    ["`it's`.vhd", "'`it''s`.vhd'"],
    ["[1].vhd", '"[1].vhd"'],
  ];
  for (const [word, quoted] of rows) assertEquals(shellWord(word, "windows"), quoted);
});

pureTest("a file whose name begins with a dash is no option", () => {
  assertEquals(shellFile("-rf", "linux"), "./-rf");
  assertEquals(shellFile("-rf", "windows"), ".\\-rf");
  assertEquals(shellFile("./-rf", "linux"), "./-rf");
});

pureTest("commands that would load libraries on Windows do not", () => {
  const files = ["C:\\two words\\a.vhdx"];
  assertEquals(
    virtdiskCommand("info", ["--no-parents"], files, "windows"),
    'virtdisk info --backend portable --no-parents "C:\\two words\\a.vhdx"',
  );
  assertEquals(
    virtdiskCommand("check", ["--repair"], files, "windows"),
    'virtdisk check --repair "C:\\two words\\a.vhdx"',
  );
  assertEquals(virtdiskCommand("info", [], ["a b.vhdx"], "linux"), "virtdisk info 'a b.vhdx'");
});
