/**
 * The `manual` command: the page of the manual, for `man`.
 *
 * @module
 */
import config from "../../deno.json" with { type: "json" };
import { command } from "./command.ts";
import { type Command, declarations, type Declared, type Option, typed } from "./declaration.ts";
import { scopeOf, statuses, usage } from "./help.ts";
import { JSON_OUTPUT, SIZES, STATUSES } from "./overview.ts";
import { flagOf } from "./program.ts";
import { printLine } from "./streams.ts";
import { filled } from "./terminal.ts";

/** What is easy to read in the source of a page. */
const LINE = 78;

const manual: Command = command({
  about: "Prints the page of the manual, virtdisk(1), as `man` takes it.",
  operands: "",
  options: {},
  permissions: [],
  examples: [["manual > virtdisk.1", "A page for `man ./virtdisk.1`"]],
  async run({ commands }) {
    printLine(page(await declarations(commands)));
    return 0;
  },
});

export default manual;

/** In the macros of man(7). */
function page(all: readonly Declared[]): string {
  return [
    `.TH VIRTDISK 1 "" "virtdisk ${config.version}"`,
    // Words that cannot be broken, such as lists of libraries, would be torn apart by even margins.
    ".ad l",
    ".SH NAME",
    "virtdisk \\- inspect, create, convert and maintain VHD, VHDX and ISO images",
    ".SH SYNOPSIS",
    ".B virtdisk",
    "\\fICOMMAND\\fR [\\fIOPTION\\fR...] \\fIFILE\\fR...",
    ".br",
    ".B virtdisk",
    "\\fICOMMAND\\fR \\fB\\-\\-help\\fR",
    ".br",
    ".B virtdisk \\-\\-version",
    ".SH DESCRIPTION",
    roff(
      "Works on the images of virtual disks as files, with nothing attached. Each command needs permissions " +
        "of Deno's, which are named with it.",
    ),
    ".SH COMMANDS",
    ...all.flatMap(section),
    ".SH SIZES",
    roff(SIZES),
    ".SH OUTPUT FOR PROGRAMS",
    roff(JSON_OUTPUT),
    ".SH EXIT STATUS",
    roff(STATUSES.replace(/^Exit status: /, "")),
  ].join("\n");
}

function section([name, , declaration]: Declared): string[] {
  const { about, notes, options, permissions, examples } = declaration;
  return [
    `.SS "${escaped(usage(name, declaration))}"`,
    roff(about),
    ...(notes === undefined ? [] : [".PP", roff(notes)]),
    ...Object.entries<Option>(options).flatMap(([option, { value, about }]) => [
      ".TP",
      `\\fB${escaped(typed(option))}\\fR${value === undefined ? "" : ` \\fI${escaped(value)}\\fR`}`,
      roff(about),
    ]),
    ".PP",
    roff(permissions.length === 0 ? "Permissions: none." : "Permissions:"),
    ...permissions.flatMap((
      each,
    ) => [".TP", `\\fB${escaped(flagOf(each)).replaceAll(",", ",\\:")}\\fR`, roff(scopeOf(each))]),
    ".PP",
    roff(`Exit status: ${statuses(declaration)}`),
    ...examples.flatMap(([line, purpose]) => [
      ".PP",
      roff(/\W$/.test(purpose) ? purpose : `${purpose}:`),
      ".PP",
      ".RS 4",
      ".nf",
      escaped(`virtdisk ${line}`),
      ".fi",
      ".RE",
    ]),
  ];
}

/** Text in lines of which none is taken for a request, which begins with a dot or a quote. */
function roff(text: string): string {
  return filled(escaped(text), LINE).replaceAll(/^[.']/gm, "\\&$&");
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll('"', "\\(dq")
    .replaceAll("`", "\\(ga").replaceAll("'", "\\(aq").replaceAll("~", "\\(ti");
}
