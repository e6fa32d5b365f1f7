/** A number of 32 bits as specifications and hex editors write it, for checksums and versions: `0x0001000F`. */
export function hexadecimal(value: number): string {
  return `0x${value.toString(16).toUpperCase().padStart(8, "0")}`;
}
