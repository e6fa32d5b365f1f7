/** Advice of the API in the words of a shell. */
import { assert, assertEquals } from "@std/assert";
import { findingForShell, forShell, inOptions, withFlags } from "../../src/cli/in_options.ts";
import { causesOf, situationOf } from "../../src/errors/causes.ts";
import { errorCode, errorSymbols } from "../../src/errors/codes.ts";

Deno.test("options of the API are flags", () => {
  const rows: [advice: string, atShell: string][] = [
    ["Pass { overwrite: true }.", "Pass --overwrite."],
    ['Pass { subtype: "fixed" }.', "Pass --subtype fixed."],
    ["Pass `ignoreChildren` to lose them.", "Pass --ignore-children to lose them."],
    ["Leave `sourceType` out.", "Leave --source-type out."],
    ["See what checkVirtualDisk() finds.", "See what `virtdisk check` finds."],
    ["Change its permissions (`chmod u+w`).", "Change its permissions (`chmod u+w`)."],
    [
      'Tell the child: setInformation("parentPath", ...).',
      "Tell the child: `virtdisk rebase CHILD PARENT`.",
    ],
  ];
  for (const [advice, atShell] of rows) assertEquals(inOptions(advice), atShell);
});

Deno.test("what only a script can follow is left out", () => {
  const scripts = [
    "Open it with { readOnly: false }.",
    'Open the chain with { access: ["all"], rwDepth: 2 }.',
    'For this time alone: open with the flag "custom-diff-chain", then addParent().',
    "Use it inside the `using` scope.",
    "Raise `volumeTimeout`.",
  ];
  assertEquals(forShell([...scripts, "Free space."]), ["Free space."]);
  assertEquals(inOptions(`Free space. Or: ${scripts[0]}`), "Free space.");
  assertEquals(Object.keys(findingForShell({ path: "a", remedy: scripts[0]! })), ["path"]);
});

Deno.test("options in what is wrong are flags too, and other words are not", () => {
  assertEquals(withFlags("blockSize must be 1"), "--block-size must be 1");
  assertEquals(withFlags('"diskImage" is fixedSize'), '"diskImage" is fixedSize');
});

Deno.test("no cause that a command can meet names what a script alone has", () => {
  const operations = [
    ...["OpenVirtualDisk", "CreateVirtualDisk", "ReadFile", "WriteFile", "CompactVirtualDisk"],
    ...["ExpandVirtualDisk", "ResizeVirtualDisk", "MergeVirtualDisk", "GetVirtualDiskInformation"],
    ...["SetVirtualDiskInformation", "SetVirtualDiskMetadata", "DeleteVirtualDiskMetadata"],
  ];
  for (const os of ["linux", "windows"] as const) {
    for (const operation of operations) {
      for (const symbol of errorSymbols()) {
        const causes = causesOf(
          operation,
          errorCode(symbol),
          situationOf("portable", undefined, os),
        );
        for (const cause of forShell(causes)) {
          assert(!/\{|\w\(\)|readOnly|[a-z][A-Z]\w*`|the flag "|`using`/.test(cause), cause);
        }
      }
    }
  }
});
