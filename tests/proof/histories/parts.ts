/** Histories in parts, which can be gone through at the same time. */
import { type HistoryCounts, HistoryExplorer } from "./explorer.ts";
import { chooseHistories, type History } from "./histories.ts";
import { HISTORY_KINDS, type HistoryKind } from "./kinds.ts";

/** What came of the histories of a kind. */
export interface HistoryResult extends HistoryCounts {
  readonly kind: string;
  /** What did not hold, with all that brings it back. */
  readonly failures: readonly string[];
}

/** Histories of a kind that one explorer goes through. */
export interface HistoryPart {
  /** By its name. */
  readonly kind: string;
  readonly histories: readonly History[];
  readonly seed: number;
}

/** So many histories of a kind, in parts: those that begin alike are in the same one. */
export function partsOf(
  kind: HistoryKind,
  { count, seed }: { readonly count: number; readonly seed: number },
): HistoryPart[] {
  const parts = Map.groupBy(chooseHistories(count, seed), ([letter]) => letter);
  return [...parts.values()].map((histories) => ({ kind: kind.name, histories, seed }));
}

/** Goes through the histories of a part. */
export async function explorePart({ kind, histories, seed }: HistoryPart): Promise<HistoryResult> {
  const found = HISTORY_KINDS.find(({ name }) => name === kind);
  if (found === undefined) throw new TypeError(`there are no images of the kind ${kind}`);
  const explorer = new HistoryExplorer(found, seed);
  const failures: string[] = [];
  for (const history of histories) {
    try {
      await explorer.explore(history);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { ...explorer.counts, kind, failures };
}

/** What came of all parts of a kind. */
export function sumOf(kind: HistoryKind, parts: readonly HistoryResult[]): HistoryResult {
  const sum = (count: (part: HistoryResult) => number) =>
    parts.reduce((sum, part) => sum + count(part), 0);
  return {
    kind: kind.name,
    histories: sum(({ histories }) => histories),
    states: sum(({ states }) => states),
    tried: sum(({ tried }) => tried),
    refused: sum(({ refused }) => refused),
    failures: parts.flatMap(({ failures }) => failures),
  };
}
