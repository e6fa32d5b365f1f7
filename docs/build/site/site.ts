/**
 * Makes one site of the pages, the examples and the reference.
 *
 * Usage: `deno task docs [FOLDER]`; without one, `.cache/site`. A folder that is there and is not such a site is
 * left alone.
 */
import { dirname as folderOf, relative } from "node:path/posix";
import { dirname, fromFileUrl, join, toFileUrl } from "@std/path";
import { highlighted } from "./highlight.ts";
import { escaped, type Heading, render } from "./markdown.ts";

const ROOT = new URL("../../../", import.meta.url);
const FACES = ["mod.ts", "portable.ts", "serve.ts", "ffi.ts", "src/cli/main.ts"];
/** By which a folder is known as a site of this program's. */
const MARK = ".virtdisk-site";
/** Where the reference is on the site. */
const REFERENCE = "reference";
/** How many sections are listed beside a page at most. */
const MOST_SECTIONS = 20;
/** Folders of the reference in which a name is looked for, in this order. */
const NAMES = ["~", "serve/~", "ffi/~"];

/** The classes of which `disk` may be one. */
const CLASSES = ["VirtualDisk", "PortableVirtualDisk"];

/** A page of the site. */
interface SitePage {
  /** From the root of the repository. */
  readonly source: string;
  /** From the root of the site. */
  readonly address: string;
  /** What the navigation calls it; absent if it is not there. */
  readonly name?: string;
}

/** The first pages in the order of the navigation. */
const FIRST: readonly SitePage[] = [
  { source: "docs/README.md", address: "index.html", name: "Start" },
  { source: "README.md", address: "overview.html", name: "Overview" },
  {
    source: "docs/open-and-inspect.md",
    address: "open-and-inspect.html",
    name: "Open and inspect",
  },
  { source: "docs/attach.md", address: "attach.html", name: "Attach in Windows" },
  { source: "docs/attach-anywhere.md", address: "attach-anywhere.html", name: "Attach anywhere" },
  {
    source: "docs/convert-for-azure.md",
    address: "convert-for-azure.html",
    name: "Convert for Azure",
  },
  { source: "docs/chains.md", address: "chains.html", name: "Chains and checkpoints" },
  { source: "docs/give-space-back.md", address: "give-space-back.html", name: "Give space back" },
  { source: "docs/salvage.md", address: "salvage.html", name: "Salvage" },
  { source: "docs/crash-safety.md", address: "crash-safety.html", name: "Crash safety" },
  { source: "docs/permissions.md", address: "permissions.html", name: "Permissions" },
  { source: "docs/errors.md", address: "errors.html", name: "Errors by symbol" },
  { source: "docs/json.md", address: "json.html", name: "JSON" },
  { source: "docs/speed.md", address: "speed.html", name: "Speed" },
  { source: "docs/versions.md", address: "versions.html", name: "Versions" },
];

/** Of the repository, for those who work on it. */
const LAST: readonly SitePage[] = [
  { source: "examples/README.md", address: "examples.html", name: "Examples" },
  { source: "CHANGELOG.md", address: "changelog.html", name: "Changes" },
  { source: "SECURITY.md", address: "security.html", name: "Security" },
  { source: "CONTRIBUTING.md", address: "contributing.html", name: "Contributing" },
  { source: "ARCHITECTURE.md", address: "architecture.html", name: "Architecture" },
];

/** All pages: those of docs/ that have no place of their own come after the others. */
const PAGES: readonly SitePage[] = [
  ...FIRST,
  ...[...Deno.readDirSync(new URL("docs/", ROOT))].map(({ name }) => `docs/${name}`)
    .filter((source) => source.endsWith(".md") && FIRST.every((page) => page.source !== source))
    .sort().map((source) => ({
      source,
      address: source.replace(/^docs\/(.*)\.md$/, "$1.html"),
      // The heading, without what it explains.
      name: /^# ([^:\n]+)/.exec(read(source))?.[1] ?? source,
    })),
  ...LAST.filter(({ source }) => isFile(source)),
];

/** The pages that the site has. */
export function sources(): string[] {
  return PAGES.map(({ source }) => source);
}

/**
 * Writes the site into a folder, in place of an older one.
 *
 * @throws {Error} If the folder holds something else, or if a page is not understood.
 */
export async function buildSite(folder: string): Promise<void> {
  prepare(folder);
  const shown = sourcePages(await makeReference(join(folder, REFERENCE)));
  const site = new Site(folder, [...PAGES, ...shown]);
  for (const page of PAGES) site.write(page, read(page.source));
  for (const page of shown) site.write(page, sourceText(page.source));
  for (const name of ["style.css", "theme.js"]) {
    Deno.copyFileSync(new URL(name, import.meta.url), join(folder, name));
  }
}

function prepare(folder: string): void {
  try {
    Deno.statSync(join(folder, MARK));
    Deno.removeSync(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.mkdirSync(folder, { recursive: true });
  if ([...Deno.readDirSync(folder)].length > 0) {
    throw new Error(`${folder} holds something else: name another folder, or empty it`);
  }
  Deno.writeTextFileSync(join(folder, MARK), "");
}

/**
 * What Deno makes of the doc comments, with a way back to the pages on each page.
 *
 * @returns The sources that it leads to.
 */
async function makeReference(folder: string): Promise<Set<string>> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--quiet", "--html", "--name=virtdisk", `--output=${folder}`, ...FACES],
    cwd: fromFileUrl(ROOT),
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const sources = new Set<string>();
  const bar = '<ul class="breadcrumbs">';
  for (const name of filesBelow(folder).filter((name) => name.endsWith(".html"))) {
    const path = join(folder, name);
    const from = folderOf(`${REFERENCE}/${name}`);
    const start = relative(from, "index.html");
    const back = `<a class="contextLink" style="margin-right:1rem" href="${start}">← All pages</a>`;
    const html = Deno.readTextFileSync(path).replaceAll(
      /(?<=\s(?:href|src)=")[^"]*(?=")/g,
      (link) => {
        const target = link.replaceAll("&#x2F;", "/");
        // A server shows the page of a folder, a browser by itself does not.
        if (target.endsWith("/")) return `${target}index.html`;
        if (!target.startsWith(ROOT.href)) return target;
        // Where this machine has the source is of no use elsewhere.
        const source = target.slice(ROOT.href.length);
        sources.add(source);
        return relative(from, sourceAddress(source));
      },
    );
    Deno.writeTextFileSync(path, html.replace(bar, `${back}${bar}`));
  }
  return sources;
}

/** Sources that are shown as they are: those of the reference, and those that pages lead to. */
function sourcePages(ofReference: ReadonlySet<string>): SitePage[] {
  const names = [...Deno.readDirSync(new URL("examples/", ROOT))].map(({ name }) => name).sort();
  const examples = names.filter((name) => name.endsWith(".ts")).map((name) => `examples/${name}`);
  return [...examples, "src/cli/json_schema.json", "LICENSE", ...ofReference].map((source) => ({
    source,
    address: sourceAddress(source),
  }));
}

function sourceAddress(source: string): string {
  return `source/${source}.html`;
}

function sourceText(source: string): string {
  const language = /\.(\w+)$/.exec(source)?.[1] ?? "text";
  return `# \`${source}\`\n\n\`\`\`${language}\n${read(source).trimEnd()}\n\`\`\`\n`;
}

function read(source: string): string {
  return Deno.readTextFileSync(new URL(source, ROOT)).replaceAll("\r\n", "\n");
}

function isFile(source: string): boolean {
  try {
    return Deno.statSync(new URL(source, ROOT)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The files below a folder, as addresses from there. */
export function filesBelow(folder: string, prefix = ""): string[] {
  return [...Deno.readDirSync(join(folder, prefix))].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(folder, `${prefix}${name}/`) : [`${prefix}${name}`]
  );
}

/** Writes pages that know of each other. */
class Site {
  readonly #folder: string;
  readonly #pages: ReadonlyMap<string, SitePage>;
  /** The sections of the page of errors. */
  readonly #symbols: ReadonlySet<string>;
  /** The files of the reference, exactly as they are called: some systems find others by that name too. */
  readonly #reference: ReadonlySet<string>;
  readonly #pictures = new Set<string>();

  constructor(folder: string, pages: readonly SitePage[]) {
    this.#folder = folder;
    this.#reference = new Set(filesBelow(join(folder, REFERENCE)));
    this.#pages = new Map(pages.map((page) => [page.source, page]));
    this.#symbols = new Set(
      [...read("docs/errors.md").matchAll(/^## (ERROR_\w+)$/gm)].map(([, symbol]) => symbol!),
    );
  }

  write(page: SitePage, markdown: string): void {
    const { title, html, headings } = render(markdown, {
      to: (target) => this.#target(page, target),
      code: (code) => this.#named(page, code),
      highlighted,
    });
    const path = join(this.#folder, page.address);
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, this.#frame(page, title, html, headings));
  }

  /** The address of what a link names, as seen from a page; `undefined` if the site has it not. */
  #target(from: SitePage, target: string): string | undefined {
    if (/^https?:/.test(target)) return target;
    const { pathname, hash } = new URL(target, new URL(from.source, ROOT));
    const source = decodeURIComponent(pathname).slice(ROOT.pathname.length);
    if (source === from.source && target.startsWith("#")) return hash;
    const page = this.#pages.get(source) ?? this.#pages.get(`${source}README.md`);
    if (page !== undefined) return this.#from(from, page.address) + hash;
    if (/\.(?:svg|png)$/.test(source)) return this.#picture(from, source);
    // What is in the repository alone is named without a link.
    Deno.statSync(new URL(source, ROOT));
    return undefined;
  }

  #picture(from: SitePage, source: string): string {
    const address = `pictures/${source.split("/").at(-1)}`;
    if (!this.#pictures.has(source)) {
      Deno.mkdirSync(join(this.#folder, "pictures"), { recursive: true });
      Deno.copyFileSync(new URL(source, ROOT), join(this.#folder, address));
      this.#pictures.add(source);
    }
    return this.#from(from, address);
  }

  /** The address of a name of the reference, or of an error's symbol. */
  #named(from: SitePage, code: string): string | undefined {
    if (this.#symbols.has(code)) {
      return `${this.#from(from, "errors.html")}#${code.toLowerCase()}`;
    }
    const [, disk, name] = /^(disk\.)?(\w+)\(.*\)$/s.exec(code) ??
      // Without parentheses only a type: commands are words too.
      [, undefined, /^[A-Z][a-z]\w+$/.exec(code)?.[0]];
    const places = disk === undefined
      ? NAMES.map((folder) => `${folder}/${name}.html`)
      : CLASSES.map((each) => `~/${each}.prototype.${name}.html`);
    const found = /^\w+$/.test(name!)
      ? places.find((each) => this.#reference.has(each))
      : undefined;
    return found === undefined ? undefined : this.#from(from, `${REFERENCE}/${found}`);
  }

  #from(page: SitePage, address: string): string {
    return relative(folderOf(page.address), address) || address;
  }

  #frame(page: SitePage, title: string, html: string, headings: readonly Heading[]): string {
    const link = (address: string) => escaped(this.#from(page, address));
    const entry = ({ address, name }: SitePage) =>
      `<li><a href="${link(address)}"${page.address === address ? ' aria-current="page"' : ""}>${
        escaped(name!)
      }</a></li>`;
    const entries = PAGES.filter(({ name }) => name !== undefined).map(entry).join("\n");
    const sections = headings.filter(({ level }) => level === 2);
    // A page of very many sections has a table of them.
    const contents = sections.length < 2 || sections.length > MOST_SECTIONS
      ? ""
      : `<nav class="contents" aria-label="On this page">
<strong>On this page</strong>
<ul>
${
        sections.map(({ id, html }) =>
          `<li><a href="#${id}">${html.replaceAll(/<\/?a\b[^>]*>/g, "")}</a></li>`
        )
          .join("\n")
      }
</ul>
</nav>`;
    return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title === "virtdisk" ? title : `${title} · virtdisk`}</title>
<link rel="stylesheet" href="${link("style.css")}">
<script src="${link("theme.js")}"></script>
</head>
<body>
<a class="skip" href="#content">To the text</a>
<header>
<a class="name" href="${link("index.html")}">virtdisk</a>
<a href="${link(`${REFERENCE}/index.html`)}">Reference</a>
<button id="theme" type="button" aria-label="Light or dark">◐</button>
</header>
<div class="columns">
<details class="pages" open>
<summary>Pages</summary>
<nav aria-label="Pages">
<ul>
${entries}
<li><a href="${link(`${REFERENCE}/index.html`)}">Reference</a></li>
</ul>
</nav>
</details>
<main id="content">
${html}
</main>
${contents}
</div>
</body>
</html>
`;
  }
}

if (import.meta.main) {
  const folder = Deno.args[0] ?? fromFileUrl(new URL(".cache/site", ROOT));
  await buildSite(folder);
  console.log(`${toFileUrl(Deno.realPathSync(folder))}/index.html`);
}
