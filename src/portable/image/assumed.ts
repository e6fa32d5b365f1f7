/**
 * What is said of a damaged disk in place of its file: whether it can be so, and what is missing.
 *
 * @module
 */
import type { AssumedSizes } from "../../disk/damage.ts";
import { ImageError } from "../file/image_error.ts";

const NAMES: Readonly<Record<keyof AssumedSizes, string>> = {
  size: "the size of the disk",
  blockSize: "the size of its blocks",
  sectorSize: "the size of its sectors",
};

/**
 * Refuses what no disk of the format is.
 *
 * @param rules Which sizes the format has.
 * @throws {ImageError} `ERROR_INVALID_PARAMETER`.
 */
export function assertAssumed(
  path: string,
  assumed: AssumedSizes,
  rules: { readonly [K in keyof AssumedSizes]-?: (size: number) => boolean },
): void {
  for (const name of Object.keys(rules) as (keyof AssumedSizes)[]) {
    const size = assumed[name];
    if (size === undefined || rules[name](size)) continue;
    throw new ImageError("ERROR_INVALID_PARAMETER", {
      path,
      reason: `${NAMES[name]} cannot be ${size} in this format`,
    });
  }
}

/**
 * The error of a file that does not say enough.
 *
 * @param facts Those that are `undefined` are missing.
 */
export function missingFacts(
  path: string,
  facts: { readonly [K in keyof AssumedSizes]: number | undefined },
): ImageError {
  const missing = (Object.keys(facts) as (keyof AssumedSizes)[])
    .filter((name) => facts[name] === undefined);
  return new ImageError("ERROR_FILE_CORRUPT", {
    path,
    reason: `the file is damaged, and does not say any more: ${
      missing.map((name) => NAMES[name]).join(", ")
    }`,
    causes: [
      `If you know it, say it: { damage: "tolerate", assume: { ${
        missing.map((name) => `${name}: ...`).join(", ")
      } } }.`,
    ],
  });
}
