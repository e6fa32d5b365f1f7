/**
 * The commands there are. To add one: its file, and a line here.
 *
 * @module
 */
import type { Commands, Entry } from "./declaration.ts";

/** By name, in the order in which they are listed. */
export const COMMANDS: Commands = new Map<string, Entry>([
  ["info", { summary: "print what images are", load: () => import("./info.ts") }],
  ["diagnose", {
    summary: "say why images do not open or attach",
    load: () => import("./diagnose.ts"),
  }],
  ["create", { summary: "make an empty image", load: () => import("./create.ts") }],
  ["convert", { summary: "copy an image as another kind", load: () => import("./convert.ts") }],
  ["read", { summary: "print a disk's bytes", load: () => import("./read.ts") }],
  ["write", { summary: "write bytes into a disk", load: () => import("./write.ts") }],
  ["expand", { summary: "make a disk larger", load: () => import("./expand.ts") }],
  ["resize", { summary: "give a disk another size", load: () => import("./resize.ts") }],
  ["rebase", { summary: "say where the parent of a child is", load: () => import("./rebase.ts") }],
  ["compact", { summary: "shorten the file of a disk", load: () => import("./compact.ts") }],
  ["merge", { summary: "write a child into its parent", load: () => import("./merge.ts") }],
  ["check", { summary: "say if images are sound, repair them", load: () => import("./check.ts") }],
  ["salvage", {
    summary: "save what is left of a damaged image",
    load: () => import("./salvage.ts"),
  }],
  ["compare", { summary: "say where two disks differ", load: () => import("./compare.ts") }],
  ["changes", { summary: "say what a child changes", load: () => import("./changes.ts") }],
  ["map", { summary: "say where a disk's bytes are", load: () => import("./map.ts") }],
  ["free", { summary: "say how much of a disk is free", load: () => import("./free.ts") }],
  ["serve", {
    summary: "serve disks as network block devices",
    load: () => import("./serve.ts"),
  }],
  ["metadata", {
    summary: "list, read and write user metadata of a VHDX",
    load: () => import("./metadata.ts"),
  }],
  ["attach", {
    summary: "attach an image (Windows)",
    load: () => import("./attach.ts"),
    system: "windows",
  }],
  ["detach", {
    summary: "detach a disk (Windows)",
    load: () => import("./detach.ts"),
    system: "windows",
  }],
  ["attached", {
    summary: "list the attached images (Windows)",
    load: () => import("./attached.ts"),
    system: "windows",
  }],
  ["completions", {
    summary: "print completions for a shell",
    load: () => import("./completions.ts"),
  }],
  ["manual", { summary: "print the page of the manual", load: () => import("./manual.ts") }],
]);
