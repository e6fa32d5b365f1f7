/**
 * What somebody may have meant who wrote a word that is none.
 *
 * @module
 */

/** Longer words are nobody's slip of the fingers; the bound also keeps the time small. */
const MAX_LENGTH = 64;

/**
 * The word that looks most like the given one; `undefined` if none does. Case and hyphens do not count. One
 * slip is a letter that is wrong, missing, too many, or in its neighbour's place; a third of a word's letters
 * may be slips. The beginning of one word alone stands for it too.
 */
export function nearestWord<W extends string>(given: string, words: Iterable<W>): W | undefined {
  if (given.length === 0 || given.length > MAX_LENGTH) return undefined;
  const wanted = plain(given);
  const all = [...words];
  const begun = wanted.length < 3 ? [] : all.filter((word) => plain(word).startsWith(wanted));
  if (begun.length === 1) return begun[0];
  let best: { readonly word: W; readonly slips: number } | undefined;
  for (const word of all) {
    const slips = slipsBetween(wanted, plain(word));
    const mostly = Math.floor(Math.max(wanted.length, plain(word).length) / 3);
    if (slips <= mostly && (best === undefined || slips < best.slips)) best = { word, slips };
  }
  return best?.word;
}

/** As a sentence to be put behind the one that says what is wrong: empty if nothing looks like it. */
export function didYouMean(
  given: string,
  words: Iterable<string>,
  show: (word: string) => string = (word) => word,
): string {
  const nearest = nearestWord(given, words);
  return nearest === undefined ? "" : `; did you mean ${show(nearest)}?`;
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, "");
}

/** Damerau and Levenshtein's distance, each place being changed once at most. */
function slipsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let slips = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + (isSame ? 0 : 1),
      );
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) slips = Math.min(slips, rows[i - 2]![j - 2]! + 1);
      row.push(slips);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
