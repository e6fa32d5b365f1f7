/**
 * Stands in for `@std/path` where JSR cannot be reached: the same names over Deno's own `node:path`.
 *
 * @module
 */
import { fileURLToPath, pathToFileURL } from "node:url";

export { basename, dirname, extname, isAbsolute, join, relative, resolve } from "node:path";

export function fromFileUrl(url: string | URL): string {
  return fileURLToPath(url);
}

export function toFileUrl(path: string): URL {
  return pathToFileURL(path);
}
