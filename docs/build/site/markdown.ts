/**
 * HTML of the Markdown that the pages of this repository use: headings, paragraphs, lists, tables, code, pictures.
 * Whatever else a page has is an error, so that nothing appears as its own source.
 */

/** A heading of a page. */
export interface Heading {
  readonly level: number;
  /** By which a link finds it. */
  readonly id: string;
  readonly html: string;
}

/** A page in HTML. */
export interface Rendered {
  /** Of its first heading, without marks. */
  readonly title: string;
  readonly html: string;
  readonly headings: readonly Heading[];
}

/** Where links lead to. */
export interface Links {
  /** The address of what a link or picture names; `undefined` if it is not on the site. */
  readonly to: (target: string) => string | undefined;
  /** The address of what a piece of code in a sentence names, if that is anywhere. */
  readonly code: (code: string) => string | undefined;
  /** Block of code in the colours of its language. */
  readonly highlighted: (text: string, language: string) => string;
}

/** A page is not of the kind that is understood. */
export class MarkdownError extends Error {
  override readonly name = "MarkdownError";
}

/** Makes HTML of a page. */
export function render(markdown: string, links: Links): Rendered {
  const page = new Page(links);
  const html = page.blocks(markdown.replaceAll("\r\n", "\n").split("\n"));
  const [{ html: title } = { html: "" }] = page.headings;
  return { title: title.replaceAll(/<[^>]*>/g, ""), html, headings: page.headings };
}

/** Text as HTML shows it. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Code of so many signs stays on one line. */
const SHORT = 32;
const HEADING = /^(#{1,6}) (.+)$/;
const FENCE = /^```(\S*)(?: .*)?$/;
const ITEM = /^( *)([-*]|\d+\.) +(.*)$/;
const TABLE = /^\|.*\|$/;
const RULE = /^\|(?: *:?-+:? *\|)+$/;
const COMMENT = /^<!--[^]*?-->$/;
const PICTURE = /^<(?:picture|img|p)\b/;

class Page {
  readonly headings: Heading[] = [];
  readonly #links: Links;
  readonly #ids = new Map<string, number>();

  constructor(links: Links) {
    this.#links = links;
  }

  blocks(lines: readonly string[]): string {
    const parts: string[] = [];
    for (let at = 0; at < lines.length;) {
      const { html, length } = this.#block(lines.slice(at));
      parts.push(html);
      at += length;
    }
    return parts.filter((part) => part !== "").join("\n");
  }

  /** The first block of some lines, and how many lines it is. */
  #block(lines: readonly string[]): { html: string; length: number } {
    const [first = ""] = lines;
    if (first.trim() === "" || COMMENT.test(first)) return { html: "", length: 1 };
    const heading = HEADING.exec(first);
    if (heading !== null) return { html: this.#heading(heading), length: 1 };
    if (FENCE.test(first)) return this.#code(lines);
    if (TABLE.test(first)) return this.#table(lines);
    if (ITEM.test(first)) return this.#list(lines);
    const end = lines.findIndex((line) =>
      line.trim() === "" || FENCE.test(line) || ITEM.test(line)
    );
    const length = end === -1 ? lines.length : end;
    const text = lines.slice(0, Math.max(length, 1)).join("\n");
    if (PICTURE.test(first)) return { html: this.#picture(text), length };
    if (/^(?:>|<(?!https?:)| {4}|={3,}|-{3,}|\* \* \*)/.test(first)) {
      throw new MarkdownError(`not understood: ${first}`);
    }
    return { html: `<p>${this.#inline(text)}</p>`, length };
  }

  #heading([, { length: level } = "", text = ""]: readonly string[]): string {
    const html = this.#inline(text);
    // As GitHub makes them, so that a link works there and here.
    const plain = text.replaceAll(/[`*]|\[|\]\([^)]*\)/g, "").toLowerCase();
    const word = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
    const count = this.#ids.get(word) ?? 0;
    this.#ids.set(word, count + 1);
    const id = count === 0 ? word : `${word}-${count}`;
    this.headings.push({ level, id, html });
    return `<h${level} id="${id}">${html}<a class="anchor" href="#${id}" aria-label="Link to here">#</a></h${level}>`;
  }

  #code(lines: readonly string[]): { html: string; length: number } {
    const [, language = ""] = FENCE.exec(lines[0]!)!;
    const end = lines.findIndex((line, at) => at > 0 && line === "```");
    if (end === -1) throw new MarkdownError("a block of code does not end");
    const text = lines.slice(1, end).join("\n");
    const html = this.#links.highlighted(text, language);
    return {
      html: `<pre class="language-${language || "text"}" tabindex="0"><code>${html}\n</code></pre>`,
      length: end + 1,
    };
  }

  #table(lines: readonly string[]): { html: string; length: number } {
    const end = lines.findIndex((line) => !TABLE.test(line));
    const length = end === -1 ? lines.length : end;
    const [head, rule, ...rows] = lines.slice(0, length);
    if (rule === undefined || !RULE.test(rule)) throw new MarkdownError(`no table: ${head}`);
    const cells = (line: string, tag: string) =>
      `<tr>${
        // A bar after a backslash is part of the text.
        line.slice(1, -1).split(/(?<!\\)\|/).map((cell) =>
          `<${tag}>${this.#inline(cell.trim().replaceAll("\\|", "|"))}</${tag}>`
        ).join("")}</tr>`;
    const body = rows.map((line) => cells(line, "td")).join("\n");
    return {
      html: `<div class="table" tabindex="0"><table>\n<thead>${
        cells(head!, "th")
      }</thead>\n<tbody>\n${body}\n</tbody>\n</table></div>`,
      length,
    };
  }

  #list(lines: readonly string[]): { html: string; length: number } {
    const [, indent = "", sign = ""] = ITEM.exec(lines[0]!)!;
    const tag = /\d/.test(sign) ? "ol" : "ul";
    const items: string[][] = [];
    let length = 0;
    for (const line of lines) {
      const item = ITEM.exec(line);
      const isOfList = item !== null && item[1] === indent &&
        /\d/.test(item[2]!) === (tag === "ol");
      if (isOfList) items.push([item[3]!]);
      else if (/^ {2,}\S/.test(line)) items.at(-1)!.push(line.replace(/^ {2,3}/, ""));
      else if (line === "" && /^ {2,}\S/.test(lines[length + 1] ?? "")) items.at(-1)!.push("");
      else break;
      length++;
    }
    const html = items.map((item) => `<li>${this.#item(item)}</li>`).join("\n");
    return { html: `<${tag}>\n${html}\n</${tag}>`, length };
  }

  /** An item of one paragraph has none around it. */
  #item(lines: readonly string[]): string {
    const html = this.blocks(lines);
    return html.replace(/^<p>([^]*?)<\/p>/, "$1");
  }

  /** Pictures for light and dark, which Markdown has no words for. */
  #picture(html: string): string {
    return html.replaceAll(
      /\b(src|srcset|href)="([^"]+)"/g,
      (_, name, target) => `${name}="${this.#address(target)}"`,
    );
  }

  #inline(text: string): string {
    const kept: string[] = [];
    const keep = (html: string) => `\0${kept.push(html) - 1}\0`;
    const marked = text
      .replaceAll(/(`+)(.+?)\1/gs, (_, _ticks, code) => keep(this.#inlineCode(code)))
      .replaceAll(/\\([\\`*_{}[\]()#+.!<>|-])/g, (_, sign) => keep(escaped(sign)))
      .replaceAll(
        /<(https?:[^ >]+)>/g,
        (_, address) => keep(`<a href="${escaped(address)}">${escaped(address)}</a>`),
      )
      .replaceAll(
        /!\[([^\]]*)\]\(([^)\s]+)\)/g,
        (_, alternative, target) =>
          keep(`<img src="${escaped(this.#address(target))}" alt="${escaped(alternative)}">`),
      );
    const html = escaped(marked)
      .replaceAll(/\[([^\]]+)\]\(([^)\s]+)\)/gs, (_, label, target) => this.#link(label, target))
      .replaceAll(/\*\*(.+?)\*\*/gs, "<strong>$1</strong>")
      .replaceAll(/(?<![\w*])[*_](?=\S)(.+?)(?<=\S)[*_](?![\w*])/gs, "<em>$1</em>");
    if (/\]\(|<(?!\/?(?:a|strong|em)\b)/.test(html)) {
      throw new MarkdownError(`not understood: ${text}`);
    }
    // What is kept may hold something that was kept before: code as the text of a link.
    let whole = html;
    while (whole.includes("\0")) {
      whole = whole.replaceAll(/\0(\d+)\0/g, (_, at) => kept[Number(at)]!);
    }
    // A link around code leads where the link says.
    return whole.replaceAll(/(<a href="[^"]*">)<a [^>]*>(<code\b.*?<\/code>)<\/a>/g, "$1$2");
  }

  #inlineCode(code: string): string {
    const kind = code.length <= SHORT ? ' class="short"' : "";
    const html = `<code${kind}>${escaped(code.replaceAll("\n", " "))}</code>`;
    const address = this.#links.code(code);
    return address === undefined ? html : `<a href="${escaped(address)}">${html}</a>`;
  }

  #link(label: string, target: string): string {
    const address = this.#links.to(target.replaceAll("&amp;", "&"));
    return address === undefined ? label : `<a href="${escaped(address)}">${label}</a>`;
  }

  #address(target: string): string {
    const address = this.#links.to(target);
    if (address === undefined) throw new MarkdownError(`no such picture: ${target}`);
    return address;
  }
}
