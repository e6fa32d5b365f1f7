/** CRC-16 of UDF descriptors: polynomial 0x1021, not reflected, initially 0 (ECMA-167 3/7.2.6). */

const POLYNOMIAL = 0x1021;
const TABLE = makeTable();

function makeTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let n = 0; n < 256; n++) {
    let crc = n << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
    table[n] = crc;
  }
  return table;
}

/** The checksum of `bytes`. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < bytes.length; i++) {
    crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >> 8) ^ bytes[i]!]!;
  }
  return crc;
}
