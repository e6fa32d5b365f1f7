import { assert, assertEquals, assertThrows } from "@std/assert";
import { highlighted } from "../../docs/build/site/highlight.ts";
import { type Links, MarkdownError, render } from "../../docs/build/site/markdown.ts";
import { blocks, page, pages } from "./pages.ts";

const LINKS: Links = {
  to: (target) => target === "gone.md" ? undefined : target.replace(".md", ".html"),
  code: (code) => code === "open()" ? "open.html" : undefined,
  highlighted: (text, language) => `${language}:${text}`,
};

function html(markdown: string): string {
  return render(markdown, LINKS).html.replaceAll(/<a class="anchor".*?<\/a>/g, "");
}

const ROWS: Readonly<Record<string, readonly [markdown: string, html: string]>> = {
  "a paragraph of two lines": ["one\ntwo\n", "<p>one\ntwo</p>"],
  "two paragraphs": ["one\n\ntwo", "<p>one</p>\n<p>two</p>"],
  "signs of HTML": ['a < b & "c"', "<p>a &lt; b &amp; &quot;c&quot;</p>"],
  "a heading": ["## What `x` is", '<h2 id="what-x-is">What <code class="short">x</code> is</h2>'],
  "two headings of one name": ["# A\n\n# A", '<h1 id="a">A</h1>\n<h1 id="a-1">A</h1>'],
  "a symbol as a heading": ["## ERROR_BUSY", '<h2 id="error_busy">ERROR_BUSY</h2>'],
  "bold and emphasis": [
    "**a b** *c* 2 * 3 * 4",
    "<p><strong>a b</strong> <em>c</em> 2 * 3 * 4</p>",
  ],
  "words with low lines": ["a_b_c _d_", "<p>a_b_c <em>d</em></p>"],
  "signs in code": ["`a*b* <c>`", '<p><code class="short">a*b* &lt;c&gt;</code></p>'],
  "signs after a backslash": ["\\*a\\* \\_", "<p>*a* _</p>"],
  "a link": ["[a](b.md#c)", '<p><a href="b.html#c">a</a></p>'],
  "a link over two lines": ["[a\nb](b.md)", '<p><a href="b.html">a\nb</a></p>'],
  "a link that leads nowhere": ["[a](gone.md)", "<p>a</p>"],
  "code that has a page": [
    "`open()`",
    '<p><a href="open.html"><code class="short">open()</code></a></p>',
  ],
  "code that has a page, in a link": [
    "[`open()`](b.md)",
    '<p><a href="b.html"><code class="short">open()</code></a></p>',
  ],
  "an address": [
    "<https://a.example/b>",
    '<p><a href="https://a.example/b">https://a.example/b</a></p>',
  ],
  "a picture": ['![a "b"](c.svg)', '<p><img src="c.svg" alt="a &quot;b&quot;"></p>'],
  "pictures for light and dark": [
    '<picture>\n<source srcset="a.md">\n<img src="b.md">\n</picture>',
    '<picture>\n<source srcset="a.html">\n<img src="b.html">\n</picture>',
  ],
  "a list": ["- a\n  b\n- c", "<ul>\n<li>a\nb</li>\n<li>c</li>\n</ul>"],
  "numbers": ["1. a\n2. b\n\nc", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>\n<p>c</p>"],
  "a list in a list": [
    "- a\n  - b\n- c",
    "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul></li>\n<li>c</li>\n</ul>",
  ],
  "a list after a line": ["a:\n- b", "<p>a:</p>\n<ul>\n<li>b</li>\n</ul>"],
  "a block of code": [
    "```ts ignore\na\n\nb\n```\nc",
    '<pre class="language-ts" tabindex="0"><code>ts:a\n\nb\n</code></pre>\n<p>c</p>',
  ],
  "a comment": ["<!-- a -->\n\nb\n\n<!-- -->", "<p>b</p>"],
  "a table": [
    "| a | b |\n| --- | --- |\n| `c\\|d` | e |",
    '<div class="table" tabindex="0"><table>\n<thead><tr><th>a</th><th>b</th></tr></thead>\n<tbody>\n' +
    '<tr><td><code class="short">c|d</code></td><td>e</td></tr>\n</tbody>\n</table></div>',
  ],
  "lines that end as in Windows": ["# A\r\n\r\nb\r\n", '<h1 id="a">A</h1>\n<p>b</p>'],
};

Deno.test("render() makes HTML of what the pages use", async (t) => {
  for (const [what, [markdown, expected]] of Object.entries(ROWS)) {
    await t.step(what, () => assertEquals(html(markdown), expected));
  }
});

const REFUSED: Readonly<Record<string, string>> = {
  "a block of code without an end": "```ts\na",
  "a table without its second line": "| a |\n| b |",
  "a quotation": "> a",
  "a script": "<script>a</script>",
  "a line under a heading": "---",
  "a link with a title": '[a](b "c")',
};

Deno.test("render() refuses what it does not understand", async (t) => {
  for (const [what, markdown] of Object.entries(REFUSED)) {
    await t.step(what, () => {
      assertThrows(() => html(markdown), MarkdownError);
    });
  }
});

Deno.test("render() gives the title and the headings", () => {
  const { title, headings } = render("# The `x`\n\n## B\n", LINKS);
  assertEquals(title, "The x");
  assertEquals(headings.map(({ level, id }) => [level, id]), [[1, "the-x"], [2, "b"]]);
});

Deno.test("highlighted() changes no letter of any block of the pages", () => {
  let coloured = 0;
  for (const path of [...pages(), "README.md"]) {
    for (const { kind, text } of blocks(page(path))) {
      const html = highlighted(text, kind.split(" ")[0]!);
      const plain = html.replaceAll(/<\/?span[^>]*>/g, "").replaceAll("&lt;", "<")
        .replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
      assertEquals(plain, text);
      coloured += html.match(/<span/g)?.length ?? 0;
    }
  }
  assert(coloured > 300, `${coloured}`);
});
