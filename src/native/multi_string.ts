/** Lists of strings as Windows functions give them. */

/** The strings of a multi-string: an empty one, or its end, ends it. */
export function multiString(text: string): string[] {
  const all = text.split("\0");
  const end = all.indexOf("");
  return end < 0 ? all : all.slice(0, end);
}
