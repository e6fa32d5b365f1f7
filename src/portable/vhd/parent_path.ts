/**
 * Paths of parents as the platforms write them.
 *
 * @module
 */
import { decodeUtf16 } from "../../bytes/utf16.ts";
import type { ParentLocator } from "../image.ts";
import type { ParentSpec } from "../image_spec.ts";
import { PLATFORM_CODE } from "./parent_locator.ts";
import { PARENT_NAME_UNITS } from "./sparse_header.ts";

const FILE_URL = "file://";
const ROOTED = /^(?:[a-z]:|[\\/])/i;
const VOLUME = /^\\\\\?\\Volume\{/i;
const DEVICE = /^[\\/]{2}(?:\.|\?[\\/]GLOBALROOT)(?:[\\/]|$)/i;

/** How the text of a locator is stored. */
interface Notation {
  readonly code: number;
  readonly bytesPerUnit: 1 | 2;
  /** The path; `undefined` where the bytes hold none. */
  decode(bytes: Uint8Array): string | undefined;
}

/**
 * The notations that can be read, in the order in which their paths are tried: relative ones first,
 * for a child and its parent are often moved together.
 */
export const NOTATIONS: readonly Notation[] = [
  { code: PLATFORM_CODE.w2ru, bytesPerUnit: 2, decode: (bytes) => decodeUtf16(bytes, true) },
  { code: PLATFORM_CODE.w2ku, bytesPerUnit: 2, decode: (bytes) => decodeUtf16(bytes, true) },
  { code: PLATFORM_CODE.wi2r, bytesPerUnit: 1, decode: decodeAnsi },
  { code: PLATFORM_CODE.wi2k, bytesPerUnit: 1, decode: decodeAnsi },
  { code: PLATFORM_CODE.macX, bytesPerUnit: 1, decode: decodeFileUrl },
  { code: PLATFORM_CODE.mac, bytesPerUnit: 1, decode: decodeFileUrl },
];

/** The path without the terminators that some writers count in. */
export function withoutTerminator(text: string): string {
  let end = text.length;
  while (text[end - 1] === "\0") end--;
  return text.slice(0, end);
}

/** What makes a path unfit to be opened at all; `undefined` where nothing does. */
export function pathFault(path: string): string | undefined {
  if (path.includes("\0")) return "a path without NUL";
  if (DEVICE.test(path)) return "the path of a file, not of a device";
  return undefined;
}

/** A path with what it is relative to. Its form decides, for some writers mix up the platform codes. */
export function parentLocator(path: string): ParentLocator {
  if (VOLUME.test(path)) return { kind: "volume", path };
  return { kind: ROOTED.test(path) ? "absolute" : "relative", path };
}

/** The last component of a path; `undefined` where it names no file. */
export function fileNameOf(path: string): string | undefined {
  const name = path.slice(path.search(/[^\\/:]*$/));
  return ["", ".", ".."].includes(name) ? undefined : name;
}

/**
 * What is stored as ParentUnicodeName: the whole path, as Windows 10 writes it, where there is one and it
 * fits; else the bare name.
 */
export function parentUnicodeName({ absolutePath, relativePath }: ParentSpec): string {
  const names = [absolutePath ?? "", fileNameOf(absolutePath ?? relativePath ?? "") ?? ""];
  return names.find((name) => name !== "" && name.length <= PARENT_NAME_UNITS) ?? "";
}

function decodeAnsi(bytes: Uint8Array): string {
  return new TextDecoder("windows-1252").decode(bytes);
}

/** `file:///a`, `file://localhost/a`, and `file://./a`, by which XenServer means a relative path. */
function decodeFileUrl(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes);
  if (!text.toLowerCase().startsWith(FILE_URL)) return undefined;
  const path = percentDecoded(text.slice(FILE_URL.length).replace(/^localhost(?=\/)/i, ""));
  return /^\.{0,2}\//.test(path) ? path : undefined;
}

/** Writers disagree on escaping: what is no escape stands for itself. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
