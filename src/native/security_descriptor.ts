/**
 * The security descriptor that an attached disk has.
 *
 * @module
 */

import { u16, u32, u8 } from "../bytes/codec.ts";
import { joined } from "../bytes/joined.ts";
import { layout } from "../bytes/layout.ts";

/** SECURITY_DESCRIPTOR_RELATIVE of winnt.h. */
const DESCRIPTOR = layout("SECURITY_DESCRIPTOR_RELATIVE", { size: 20, endian: "little" }, {
  revision: [0, u8],
  control: [2, u16],
  dacl: [16, u32],
});
/** SECURITY_DESCRIPTOR_CONTROL: there is a DACL, it inherits nothing, and all offsets are relative. */
const CONTROL = 0x0004 | 0x1000 | 0x8000;
/** ACL. */
const ACL = layout("ACL", { size: 8, endian: "little" }, {
  revision: [0, u8],
  length: [2, u16],
  count: [4, u16],
});
const ACL_REVISION = 2;
/** ACCESS_ALLOWED_ACE, whose SID begins at its end. */
const ACE = layout("ACCESS_ALLOWED_ACE", { size: 8, endian: "little" }, {
  type: [0, u8],
  length: [2, u16],
  mask: [4, u32],
});
const ACCESS_ALLOWED = 0;
const GENERIC_ALL = 0x1000_0000;
/** SID, before its sub-authorities. */
const SID = layout("SID", { size: 8, endian: "little" }, {
  revision: [0, u8],
  count: [1, u8],
  /** The last of the six bytes of the authority, which says everything here. */
  authority: [7, u8],
});

const SUB_AUTHORITY = layout("sub-authority", { size: 4, endian: "little" }, { value: [0, u32] });

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
  return joined(
    DESCRIPTOR.pack({ revision: 1, control: CONTROL, dacl: DESCRIPTOR.size }),
    ACL.pack({ revision: ACL_REVISION, length, count: entries.length }),
    ...entries,
  );
}

function allowAll({ authority, subAuthorities }: Sid): Uint8Array {
  const length = ACE.size + SID.size + u32.size * subAuthorities.length;
  return joined(
    ACE.pack({ type: ACCESS_ALLOWED, length, mask: GENERIC_ALL }),
    SID.pack({ revision: 1, count: subAuthorities.length, authority }),
    ...subAuthorities.map((value) => SUB_AUTHORITY.pack({ value })),
  );
}
