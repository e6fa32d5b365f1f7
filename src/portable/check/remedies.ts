/**
 * What to do about what a check finds.
 *
 * @module
 */
import type { ErrorSymbol } from "../../errors/codes.ts";
import { LOG_REMEDIES } from "../vhdx/log_replay.ts";
import type { CheckFinding } from "./check_report.ts";

/** Advice for whoever repairs. */
export const REPAIR = "Repair it: `checkVirtualDisk(path, { repair: true })`.";
const RESTORE = "It cannot be repaired safely: restore the file from a copy.";

const BY_SYMBOL: Partial<Record<ErrorSymbol, string>> = {
  ERROR_VHD_INVALID_FILE_SIZE: "Convert it anew; bytes may have been lost or added in a copy.",
  ERROR_VHD_INVALID_STATE:
    "Start the machine and shut it down, or discard its saved state, before the disk is changed.",
  ERROR_VHD_FORMAT_UNSUPPORTED_VERSION: "Open it with the program that made it.",
};

/** What to do about a finding; `undefined` if nothing is to be done. */
export function remedyOf(finding: Omit<CheckFinding, "remedy">): string | undefined {
  const { severity, structure, symbol, repairable, repaired, missingBytes } = finding;
  if (repaired) return undefined;
  if (severity === "info") {
    if (repairable) return "Compacting the disk removes it, and so does a repair.";
    return symbol === undefined ? undefined : BY_SYMBOL[symbol as ErrorSymbol];
  }
  if (repairable) return REPAIR;
  if (missingBytes !== undefined) {
    return "Copy or download the file again, from a place where it is whole.";
  }
  const known = symbol === undefined ? undefined : BY_SYMBOL[symbol as ErrorSymbol];
  if (known !== undefined) return known;
  return structure === "log" || structure === "log entry" ? LOG_REMEDIES.join(" ") : RESTORE;
}
