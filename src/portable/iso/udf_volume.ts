/**
 * Label, size and revision of a UDF volume, from its volume descriptor sequence (ECMA-167 3/8.4).
 *
 * @module
 */
import { type ByteSource, hasSignature, viewOf } from "../byte_source.ts";
import { readDstring } from "./dstring.ts";
import { type SequenceExtent, udfAnchors, udfBlock } from "./udf_anchor.ts";
import { readUdfTag, UDF_TAG } from "./udf_tag.ts";

/** Of descriptors of one kind, the one with the highest number holds (ECMA-167 3/8.4.3). */
const SEQUENCE_NUMBER = 16;
/** Partition descriptor, ECMA-167 3/10.5. */
const PARTITION = { NUMBER: 22, START: 188, LENGTH: 192 };
/** Logical volume descriptor, ECMA-167 3/10.6; the domain's suffix holds the revision (UDF 2.1.5.3). */
const LOGICAL_VOLUME = { LABEL: 84, DOMAIN: 217, REVISION: 240 };
const LABEL_LENGTH = 128;
const OSTA_DOMAIN = "*OSTA UDF Compliant";

/** What a UDF volume says of itself. */
export interface UdfVolume {
  /** May be empty. */
  readonly label: string;
  /** Bytes up to the end of the last partition; `undefined` where there is none. */
  readonly volumeSize: number | undefined;
  /** For example `"1.02"` or `"2.60"`; `undefined` where the volume follows no version of UDF. */
  readonly revision: string | undefined;
}

/** A descriptor's bytes and its sequence number. */
interface Descriptor {
  readonly number: number;
  readonly view: DataView;
  readonly bytes: Uint8Array;
}

/** The descriptors of a sequence that hold. */
interface Sequence {
  logicalVolume: Descriptor | undefined;
  readonly partitions: Map<number, Descriptor>;
}

/** Reads the volume; `undefined` where no anchor leads to a logical volume. */
export function readUdfVolume(source: ByteSource): UdfVolume | undefined {
  for (const { sectorSize, sequences } of udfAnchors(source)) {
    for (const extent of sequences) {
      const { logicalVolume, partitions } = readSequence(source, sectorSize, extent);
      if (logicalVolume === undefined) continue;
      const { bytes } = logicalVolume;
      return {
        label: readDstring(
          bytes.subarray(LOGICAL_VOLUME.LABEL, LOGICAL_VOLUME.LABEL + LABEL_LENGTH),
        ),
        volumeSize: volumeSize(partitions.values(), sectorSize),
        revision: revision(logicalVolume),
      };
    }
  }
  return undefined;
}

/** Volume descriptor pointers, which lead to further extents, are not followed: they may form loops. */
function readSequence(source: ByteSource, sectorSize: number, extent: SequenceExtent): Sequence {
  const sequence: Sequence = { logicalVolume: undefined, partitions: new Map() };
  for (let sector = extent.start; sector < extent.start + extent.length; sector++) {
    const bytes = udfBlock(source, sectorSize, sector);
    if (bytes === undefined) break;
    const tag = readUdfTag(bytes, sector);
    if (tag === UDF_TAG.TERMINATOR) break;
    const view = viewOf(bytes);
    const descriptor = { number: view.getUint32(SEQUENCE_NUMBER, true), view, bytes };
    if (tag === UDF_TAG.LOGICAL_VOLUME) {
      sequence.logicalVolume = newer(sequence.logicalVolume, descriptor);
    } else if (tag === UDF_TAG.PARTITION) {
      const key = view.getUint16(PARTITION.NUMBER, true);
      sequence.partitions.set(key, newer(sequence.partitions.get(key), descriptor));
    }
  }
  return sequence;
}

function newer(old: Descriptor | undefined, each: Descriptor): Descriptor {
  return old === undefined || each.number >= old.number ? each : old;
}

function volumeSize(partitions: Iterable<Descriptor>, sectorSize: number): number | undefined {
  let end = 0;
  for (const { view } of partitions) {
    const start = view.getUint32(PARTITION.START, true);
    end = Math.max(end, start + view.getUint32(PARTITION.LENGTH, true));
  }
  return end === 0 ? undefined : end * sectorSize;
}

/** Two digits each of major and minor number in BCD: 0x0250 is 2.50. */
function revision({ bytes, view }: Descriptor): string | undefined {
  if (!hasSignature(bytes, LOGICAL_VOLUME.DOMAIN, OSTA_DOMAIN)) return undefined;
  const digits = view.getUint16(LOGICAL_VOLUME.REVISION, true).toString(16).padStart(4, "0");
  if (!/^\d+$/.test(digits)) return undefined;
  return `${Number(digits.slice(0, 2))}.${digits.slice(2)}`;
}
