/**
 * The security descriptor that an attached disk has.
 *
 * @module
 */

/** SECURITY_DESCRIPTOR_RELATIVE of winnt.h. */
const DESCRIPTOR = { size: 20, revision: 0, control: 2, dacl: 16 } as const;
/** SECURITY_DESCRIPTOR_CONTROL: there is a DACL, it inherits nothing, and all offsets are relative. */
const CONTROL = 0x0004 | 0x1000 | 0x8000;
/** ACL. */
const ACL = { size: 8, revision: 0, length: 2, count: 4 } as const;
const ACL_REVISION = 2;
/** ACCESS_ALLOWED_ACE, whose SID begins at its end. */
const ACE = { size: 8, type: 0, length: 2, mask: 4 } as const;
const ACCESS_ALLOWED = 0;
const GENERIC_ALL = 0x1000_0000;
/** SID: its authority is 6 bytes, of which the last one says everything here. */
const SID = { size: 8, revision: 0, count: 1, authority: 7 } as const;
const SUB_AUTHORITY_SIZE = 4;

interface Sid {
  readonly authority: number;
  readonly subAuthorities: readonly number[];
}

/** S-1-1-0. */
const EVERYONE: Sid = { authority: 1, subAuthorities: [0] };
/** S-1-15-2-1: programs that run in an app container are not part of everyone. */
const ALL_APPLICATION_PACKAGES: Sid = { authority: 15, subAuthorities: [2, 1] };

/**
 * Everyone may use the disk: `D:P(A;;GA;;;WD)(A;;GA;;;AC)`, which Explorer and the Hyper-V service give the
 * disks that they attach. What files may be used is for the file systems to say.
 */
export function everyoneDescriptor(): Uint8Array<ArrayBuffer> {
  const entries = [EVERYONE, ALL_APPLICATION_PACKAGES].map(allowAll);
  const length = ACL.size + entries.reduce((sum, entry) => sum + entry.length, 0);
  const bytes = new Uint8Array(DESCRIPTOR.size + length);
  const view = new DataView(bytes.buffer);
  view.setUint8(DESCRIPTOR.revision, 1);
  view.setUint16(DESCRIPTOR.control, CONTROL, true);
  view.setUint32(DESCRIPTOR.dacl, DESCRIPTOR.size, true);
  view.setUint8(DESCRIPTOR.size + ACL.revision, ACL_REVISION);
  view.setUint16(DESCRIPTOR.size + ACL.length, length, true);
  view.setUint16(DESCRIPTOR.size + ACL.count, entries.length, true);
  let offset = DESCRIPTOR.size + ACL.size;
  for (const entry of entries) {
    bytes.set(entry, offset);
    offset += entry.length;
  }
  return bytes;
}

function allowAll({ authority, subAuthorities }: Sid): Uint8Array {
  const length = ACE.size + SID.size + subAuthorities.length * SUB_AUTHORITY_SIZE;
  const view = new DataView(new ArrayBuffer(length));
  view.setUint8(ACE.type, ACCESS_ALLOWED);
  view.setUint16(ACE.length, length, true);
  view.setUint32(ACE.mask, GENERIC_ALL, true);
  view.setUint8(ACE.size + SID.revision, 1);
  view.setUint8(ACE.size + SID.count, subAuthorities.length);
  view.setUint8(ACE.size + SID.authority, authority);
  subAuthorities.forEach((value, i) =>
    view.setUint32(ACE.size + SID.size + i * SUB_AUTHORITY_SIZE, value, true)
  );
  return new Uint8Array(view.buffer);
}
