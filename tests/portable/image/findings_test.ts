/** What is to be done about what a check has found. */
import { assertEquals, assertMatch } from "@std/assert";
import {
  END_OF_FILE,
  Findings,
  type NewFinding,
  SALVAGE_REMEDIES,
} from "../../../src/portable/image/findings.ts";
import { pureTest } from "../../pure.ts";

const CORRUPT = {
  severity: "error",
  structure: "header",
  offset: 0,
  found: "zeros",
  expected: "a header",
  symbol: "ERROR_FILE_CORRUPT",
} as const;

function remedyOf(finding: Partial<NewFinding>, remedies?: Record<string, string>) {
  const findings = new Findings("/images/disk.vhdx", remedies);
  findings.add({ ...CORRUPT, ...finding });
  return findings.withRemedies()[0]!.remedy;
}

pureTest("Findings.withRemedies(): for every error there is something to do", () => {
  assertMatch(remedyOf({})!, /restore the file from a copy/);
  assertMatch(remedyOf({}, SALVAGE_REMEDIES)!, /restore .* damage: "tolerate"/);
  assertMatch(remedyOf({ repairable: true }, SALVAGE_REMEDIES)!, /^Repair it: /);
  const cut = { structure: END_OF_FILE, missingBytes: 5 };
  assertMatch(remedyOf(cut)!, /^Copy or download the file again/);
  assertMatch(remedyOf(cut, SALVAGE_REMEDIES)!, /^Copy or download .* damage: "tolerate"/);
  // The machine is to go on with it: a copy of the file would help nobody.
  const saved = { symbol: "ERROR_VHD_INVALID_STATE" } as const;
  assertMatch(remedyOf(saved, SALVAGE_REMEDIES)!, /^Start the machine and shut it down/);
  assertEquals(remedyOf({}, { header: "Write it anew.", "*": "Nothing." }), "Write it anew.");
});

pureTest("Findings.withRemedies(): about what is allowed nothing has to be done", () => {
  assertEquals(remedyOf({ severity: "info" }, SALVAGE_REMEDIES), undefined);
  assertMatch(remedyOf({ severity: "info", repairable: true })!, /^Compacting the disk removes it/);
});
