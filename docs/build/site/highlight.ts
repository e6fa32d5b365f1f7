/** Blocks of code in colours: comments, strings and words of a language, and nothing finer. */
import { escaped } from "./markdown.ts";

const WORDS =
  "as async await break case catch class const continue default delete do else enum export extends " +
  "finally for from function if implements import in instanceof interface let new of readonly return " +
  "satisfies static super switch this throw try type typeof using var void while yield true false null undefined";

/** What has a colour in a language, each with the name of its colour. */
const LANGUAGES: Readonly<Record<string, RegExp>> = {
  ts: new RegExp(
    String.raw`(?<comment>\/\/[^\n]*|\/\*[^]*?\*\/)|(?<string>"(?:\\.|[^"\\\n])*"|` +
      "`(?:\\\\.|[^`\\\\])*`" + String.raw`)|(?<word>\b(?:${WORDS.replaceAll(" ", "|")})\b)|` +
      String.raw`(?<number>\b\d[\w.]*)`,
    "g",
  ),
  sh:
    /(?<comment>(?<=^|\s)#[^\n]*)|(?<string>"(?:\\.|[^"\\])*"|'[^']*')|(?<word>(?<=^|[|;&{(]\s*)[\w.-]+(?=\s|$))/gm,
  json:
    /(?<word>"(?:\\.|[^"\\\n])*"(?=\s*:))|(?<string>"(?:\\.|[^"\\\n])*")|(?<number>-?\b\d[\d.]*|true|false|null)/g,
  yaml:
    /(?<comment>(?<=^|\s)#[^\n]*)|(?<word>(?<=^\s*(?:- )?)[\w-]+(?=:(?:\s|$)))|(?<string>"[^"\n]*")/gm,
};
const OTHERS: Readonly<Record<string, string>> = { powershell: "sh", bash: "sh" };

/** The text of a block in HTML. */
export function highlighted(text: string, language: string): string {
  const pattern = LANGUAGES[OTHERS[language] ?? language];
  if (pattern === undefined) return escaped(text);
  let html = "";
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    const [colour] = Object.entries(match.groups!).find(([, found]) => found !== undefined)!;
    html += `${escaped(text.slice(at, match.index))}<span class="${colour}">${
      escaped(match[0])
    }</span>`;
    at = match.index + match[0].length;
  }
  return html + escaped(text.slice(at));
}
