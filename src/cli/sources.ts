/**
 * What a command reads an image from: a file, or a web server.
 *
 * @module
 */
import type { Permission } from "./declaration.ts";
import { UsageError } from "./failure.ts";
import { isUrl } from "./url_operand.ts";

/** The permission of commands that take URLs. */
export const URL_PERMISSION: Permission = {
  kind: "net",
  scope: "the server of an https: or http: URL in place of a file; it must answer range requests",
  forUrls: true,
};

/**
 * What an operand names: only what begins as a URL is one. A file of such a name has a path too, which begins with
 * `./`.
 *
 * @throws {UsageError} For a URL that is none.
 */
export function sourceOf(operand: string): string | URL {
  if (!isUrl(operand)) return operand;
  const url = URL.parse(operand);
  if (url !== null) return url;
  throw new UsageError(`${JSON.stringify(operand)} is not a URL that can be asked for`);
}
