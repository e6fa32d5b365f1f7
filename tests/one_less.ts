/** Flags of permissions, to see that each of them is needed. */

/** The flags without one of the things that they allow: each time another one. */
export function withOneLess(flags: readonly string[]): string[][] {
  return flags.flatMap((flag, at) => {
    const [name, values = ""] = flag.split("=");
    const each = values.split(",");
    return each.map((left) => {
      const others = each.filter((value) => value !== left);
      const less = others.length === 0 ? [] : [`${name}=${others}`];
      return [...flags.slice(0, at), ...less, ...flags.slice(at + 1)];
    });
  });
}
