/**
 * Makes a command of its declaration.
 *
 * @module
 */
import { looselyParsed, parseArguments, parseOperands } from "./arguments.ts";
import type { Command, Declaration, Options } from "./declaration.ts";
import { UsageError } from "./failure.ts";
import { helpText } from "./help.ts";
import { Report } from "./report.ts";

/** Makes a command of its declaration. */
export function command<const O extends Options, const S extends string>(
  declaration: Declaration<O, S>,
): Command {
  return {
    declaration: declaration as unknown as Declaration,
    help: (name) => helpText(name, declaration as unknown as Declaration),
    async run(name, args, commands) {
      const seen = looselyParsed(args, declaration.options);
      const report = new Report(name, {
        json: seen.options.has("json"),
        quiet: seen.options.has("quiet"),
        besideBytes: declaration.putsOutBytes?.(seen.operands, seen.options) ?? false,
      });
      try {
        const { values, operands } = parseArguments(name, args, declaration.options);
        if (report.quiet && report.json) {
          throw new UsageError(`${name}: --json prints, and --quiet does not; leave one out`);
        }
        return await declaration.run({
          operands: parseOperands(name, operands, declaration.operands),
          options: values,
          report,
          commands,
        });
      } catch (error) {
        return report.end(error);
      }
    },
  };
}
