/** Which backend does the work. */
import { checkArgument, type Kind, oneOf } from "./arguments.ts";

/** The option of that name. */
export const BACKEND: Kind = oneOf("auto", "native", "portable");

/** The backend that an option asks for: `"auto"`, and no option, is the one that fits the system. */
export function backendOf(
  choice: "auto" | "native" | "portable" = "auto",
): "native" | "portable" {
  checkArgument(BACKEND, choice, "backend");
  if (choice !== "auto") return choice;
  return Deno.build.os === "windows" ? "native" : "portable";
}
