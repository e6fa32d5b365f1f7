/** Win32 error codes for people. */

/** Small codes are known by their decimal number, the 0xC03Axxxx family by its hexadecimal one. */
export function formatCode(code: number, hexadecimal: true): `0x${string}`;
/** As the other; by default hexadecimal if it is no small one. */
export function formatCode(code: number, hexadecimal?: boolean): string;
export function formatCode(code: number, hexadecimal: boolean = code > 0xffff): string {
  if (!hexadecimal) return String(code);
  return `0x${code.toString(16).toUpperCase().padStart(8, "0")}`;
}

/** `ERROR_FILE_CORRUPT, 1392`: codes without a name are their own symbol. */
export function codeName(symbol: string, code: number): string {
  return symbol.startsWith("0x") ? symbol : `${symbol}, ${formatCode(code)}`;
}
