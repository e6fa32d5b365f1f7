/** Which backend does the work. */

/** The backend that an option asks for: `"auto"`, and no option, is the one that fits the system. */
export function backendOf(
  choice: "auto" | "native" | "portable" = "auto",
): "native" | "portable" {
  switch (choice) {
    case "auto":
      return Deno.build.os === "windows" ? "native" : "portable";
    case "native":
    case "portable":
      return choice;
    default:
      throw new TypeError(`backend: unknown word ${JSON.stringify(choice)}`);
  }
}
