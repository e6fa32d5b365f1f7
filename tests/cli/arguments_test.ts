/** How a command line is taken apart, against `parseArgs` of `node:util`. */
import { assertEquals } from "@std/assert";
import { parseArgs } from "node:util";
import { flag, looselyParsed, parseArguments, text } from "../../src/cli/arguments.ts";
import { UsageError } from "../../src/cli/failure.ts";
import { pureTest } from "../pure.ts";

const OPTIONS = {
  json: flag(""),
  dryRun: flag(""),
  type: text("TYPE", ""),
  offset: text("SIZE", ""),
};
const AS_NODE_TAKES = {
  "json": { type: "boolean" },
  "dry-run": { type: "boolean" },
  "type": { type: "string" },
  "offset": { type: "string" },
} as const;
const WORDS = [
  "disk.vhdx",
  "",
  "-",
  "--",
  "-j",
  "-5",
  "-xyz",
  "--json",
  "--json=",
  "--json=1",
  "--dry-run",
  "--dryRun",
  "--type",
  "--type=vhd",
  "--type=",
  "--type=-5",
  "--offset",
  "--=x",
  "--json=1=2",
  "--no-json",
  "--__proto__",
];

function* commandLines(): Generator<string[]> {
  for (const one of WORDS) {
    yield [one];
    for (const other of WORDS) {
      yield [one, other];
      for (const third of ["--", "--json", "--type", "-5", "disk.vhd"]) yield [one, other, third];
    }
  }
}

pureTest("parseArguments() understands what parseArgs of Node does, and refuses the rest", () => {
  for (const args of commandLines()) {
    let expected: ReturnType<typeof parseArgs> | undefined;
    try {
      expected = parseArgs({ args, allowPositionals: true, options: AS_NODE_TAKES });
    } catch {
      // It says why in its own words.
    }
    let given: ReturnType<typeof parseArguments<typeof OPTIONS>> | undefined;
    try {
      given = parseArguments("info", args, OPTIONS);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
    const { values, positionals } = expected ?? {};
    assertEquals(
      given && { operands: given.operands, ...given.values },
      expected && {
        operands: positionals,
        json: values?.["json"] ?? false,
        dryRun: values?.["dry-run"] ?? false,
        ...(values?.["type"] === undefined ? {} : { type: values["type"] }),
        ...(values?.["offset"] === undefined ? {} : { offset: values["offset"] }),
      },
      args.join(" "),
    );
  }
});

pureTest("looselyParsed() sees the options that a lenient parseArgs of Node does", () => {
  for (const args of commandLines()) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      strict: false,
      options: AS_NODE_TAKES,
    });
    const { options, operands } = looselyParsed(args, OPTIONS);
    for (const [name, { type }] of Object.entries(AS_NODE_TAKES)) {
      const isGiven = type === "string" ? name in values : values[name] === true;
      assertEquals(options.has(name), isGiven, `${name} in ${args.join(" ")}`);
    }
    assertEquals(operands, positionals, args.join(" "));
  }
});
