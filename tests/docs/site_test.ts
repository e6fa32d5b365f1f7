/** The site of `deno task docs`: whole, and without a link that leads nowhere. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { buildSite, filesBelow, sources } from "../../docs/build/site/site.ts";
import { allStates } from "../sampling.ts";
import { circumstance, ROOT, TempDir, testWith } from "../support.ts";
import { pages } from "./pages.ts";

/** What a page of the site leads to, and what can be led to in it. */
interface Anchors {
  readonly links: readonly string[];
  readonly ids: ReadonlySet<string>;
}

function anchors(html: string): Anchors {
  // Code in a page may show tags of its own: there they are escaped.
  const attributes = (names: string) =>
    [...html.matchAll(new RegExp(`\\s(?:${names})="([^"]*)"`, "g"))].map(([, value]) =>
      value!.replaceAll("&amp;", "&")
    );
  return { links: attributes("href|src|srcset"), ids: new Set(attributes("id")) };
}

/** Which has hundreds of pages. */
const quickFiles = circumstance(() =>
  Deno.build.os === "windows" && Deno.env.has("WINEPREFIX")
    ? "Wine takes minutes for so many files"
    : undefined
);

testWith(
  [quickFiles, allStates],
  "deno task docs: no link of the site leads nowhere, and every page can be reached",
  async () => {
    using dir = new TempDir();
    const folder = dir.file("site");
    await buildSite(folder);
    const files = new Set(filesBelow(folder));
    const site = new Map(
      [...files].filter((address) => address.endsWith(".html")).map((address) => [
        address,
        anchors(Deno.readTextFileSync(join(folder, address))),
      ]),
    );
    const broken: string[] = [];
    const reached = new Set<string>();
    let followed = 0;
    const waiting = ["index.html"];
    for (let address = waiting.pop(); address !== undefined; address = waiting.pop()) {
      if (reached.has(address)) continue;
      reached.add(address);
      for (const link of site.get(address)!.links) {
        if (/^(?:https?|data|mailto):/.test(link)) continue;
        followed++;
        const { pathname, hash } = new URL(link, `file:///${address}`);
        const target = decodeURIComponent(pathname.slice(1)) || address;
        const page = site.get(target);
        // Where a file has one name for large and small letters, Deno's `GUID` and `guid` are one page.
        const isThere = files.has(target) ||
          Deno.build.os !== "linux" && address.startsWith("reference/");
        if (!isThere) broken.push(`${address}: ${link}`);
        else if (hash !== "" && page?.ids.has(decodeURIComponent(hash.slice(1))) !== true) {
          // Deno's own pages name places in each other for which they make no mark.
          if (!address.startsWith("reference/")) broken.push(`${address}: ${link}`);
        }
        if (page !== undefined) waiting.push(target);
      }
    }
    assertEquals(broken, []);
    assert(followed > 10_000, `${followed}`);
    for (const address of site.keys()) {
      const html = Deno.readTextFileSync(join(folder, address));
      assert(!html.includes(ROOT), `${address} says where the repository is on this machine`);
    }
    const own = [...site.keys()].filter((address) => !address.startsWith("reference/"));
    assertEquals(own.filter((address) => !reached.has(address)), []);
    assert(own.length > 20, `${own.length}`);
    for (const address of own) {
      const html = Deno.readTextFileSync(join(folder, address))
        .replaceAll(/<(pre|code)\b[^]*?<\/\1>/g, "");
      assertEquals(/\]\(|\*\*|```|\0/.exec(html), null, address);
    }
  },
);

Deno.test("deno task docs: the site has every page of docs/", () => {
  assertEquals(sources().filter((source) => source.startsWith("docs/")).sort(), pages());
});

Deno.test("deno task docs: a folder with something else in it is left alone", async () => {
  using dir = new TempDir();
  Deno.writeTextFileSync(dir.file("letter.txt"), "mine");
  await assertRejects(() => buildSite(dir.path), Error, "holds something else");
  assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["letter.txt"]);
});
