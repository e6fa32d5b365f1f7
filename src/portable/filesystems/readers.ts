/**
 * Which file systems are understood.
 *
 * @module
 */
import { readExfat } from "./exfat/exfat.ts";
import { readExt } from "./ext/ext.ts";
import { readFat } from "./fat/fat.ts";
import type { FileSystemReader } from "./file_system.ts";
import { readNtfs } from "./ntfs/ntfs.ts";

/** A reader for each kind. */
export const READERS: readonly FileSystemReader[] = [readExt, readNtfs, readFat, readExfat];
