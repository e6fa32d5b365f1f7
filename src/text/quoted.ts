/** Longest text that a message repeats whole, in UTF-16 units: the longest path of Windows' own programs. */
const WHOLE = 260;

/**
 * Text in double quotes for a message, with its middle left out if it is long: a message is read by people,
 * and what was given may be megabytes.
 */
export function quoted(text: string, whole: number = WHOLE): string {
  if (text.length <= whole) return JSON.stringify(text);
  const half = Math.floor(whole / 2);
  const [start, end] = [text.slice(0, half).toWellFormed(), text.slice(-half).toWellFormed()];
  return `${JSON.stringify(start).slice(0, -1)}...${JSON.stringify(end).slice(1)}`;
}
