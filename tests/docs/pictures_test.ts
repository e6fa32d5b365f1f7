/** The pictures of README and of the pages: `deno task pictures` makes them. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { terminalSvg } from "../../docs/build/terminal_svg.ts";
import { ROOT, run, TempDir, testWith, tool } from "../support.ts";
import { page, pages } from "./pages.ts";

const PYTHON = tool("/usr/bin/python3");
const PICTURES = [...Deno.readDirSync(`${ROOT}/docs/pictures`)].map(({ name }) => name).sort();

testWith(
  [PYTHON],
  "every picture of the pages is XML with a title, and loads and runs nothing",
  () => {
    assert(PICTURES.length > 0);
    for (const name of PICTURES) {
      const path = `${ROOT}/docs/pictures/${name}`;
      const script = "import sys, xml.etree.ElementTree as E\n" +
        "svg = '{http://www.w3.org/2000/svg}'; root = E.parse(sys.argv[1]).getroot()\n" +
        "print(root.tag == svg + 'svg', bool(root.find(svg + 'title').text), bool(root.find(svg + 'desc').text))";
      assertEquals(run("/usr/bin/python3", "-c", script, path).trim(), "True True True", name);
      const text = Deno.readTextFileSync(path);
      assert(text.length < 50_000, name);
      assert(!/<script|javascript:|href|@import|url\((?!#)/i.test(text), name);
      // Nothing of the machine that made it.
      assert(!/\/tmp\/|\/work\/|deno run|main\.ts/.test(text), name);
    }
  },
);

Deno.test("every picture is shown on a page, with words for those who do not see it", () => {
  const shown = ["README.md", ...pages()].flatMap((path) =>
    [...page(path).matchAll(/!\[([^\]]+)\]\((?:docs\/)?pictures\/([^)]+)\)/g)].map(([, , name]) =>
      name!
    )
  );
  assertEquals([...new Set(shown)].sort(), PICTURES);
});

testWith(
  [PYTHON],
  "terminalSvg() keeps every character in its column, in the colours that were asked for",
  () => {
    const output =
      "\x1b[1ma<b\x1b[22m & \x1b[38;5;231;48;5;25m##\x1b[39;49m\x1b[2m.\x1b[22m\n\x1b[31mred\x1b[39m\n";
    const svg = terminalSvg({ title: "a & b", command: "ls", output });
    using dir = new TempDir();
    Deno.writeTextFileSync(dir.file("a.svg"), svg);
    const script = "import sys, xml.etree.ElementTree as E\n" +
      "svg = '{http://www.w3.org/2000/svg}'\n" +
      "for e in E.parse(sys.argv[1]).getroot().iter(svg + 'text'):\n" +
      "  print(repr(e.text), e.get('x'), e.get('class'), e.get('style'))";
    assertEquals(run("/usr/bin/python3", "-c", script, dir.file("a.svg")).trim().split("\n"), [
      "'$' 16 bold None",
      "' ls' 23.8 None None",
      "'a<b' 16 bold None",
      "' & ' 39.4 None None",
      "'##' 62.8 None fill:#ffffff",
      "'.' 78.4 dim None",
      "'red' 16 red None",
    ]);
    assert(svg.includes('width="15.6" height="18" fill="#005faf"'));
    assertThrows(() => terminalSvg({ title: "", command: "", output: "\x1b[5mx" }), Error, "SGR 5");
  },
);
