/** The security descriptor of attached disks, as Windows' own functions read it. */
import { assertEquals } from "@std/assert";
import { everyoneDescriptor } from "../../src/native/security_descriptor.ts";
import { wideString } from "../../src/native/ffi/text.ts";
import { onlyOn, testWith } from "../support.ts";
import { ADVAPI32, KERNEL32 } from "./system.ts";

/** What Explorer and the Hyper-V service give AttachVirtualDisk; AC is written out for Wine. */
const SDDL = "D:P(A;;GA;;;WD)(A;;GA;;;S-1-15-2-1)";
const SDDL_REVISION_1 = 1;

testWith(
  [onlyOn("windows")],
  "everyone may use an attached disk, as if Explorer attached it",
  () => {
    const advapi32 = Deno.dlopen(ADVAPI32, {
      ConvertStringSecurityDescriptorToSecurityDescriptorW: {
        parameters: ["buffer", "u32", "buffer", "buffer"],
        result: "i32",
      },
    });
    const kernel32 = Deno.dlopen(KERNEL32, {
      LocalFree: { parameters: ["u64"], result: "u64" },
      RtlMoveMemory: { parameters: ["buffer", "u64", "usize"], result: "void" },
    });
    const address = new BigUint64Array(1);
    const size = new Uint32Array(1);
    const convert = advapi32.symbols.ConvertStringSecurityDescriptorToSecurityDescriptorW;
    try {
      assertEquals(convert(wideString(SDDL), SDDL_REVISION_1, address, size), 1);
      const expected = new Uint8Array(size[0]!);
      kernel32.symbols.RtlMoveMemory(expected, address[0]!, BigInt(expected.length));
      kernel32.symbols.LocalFree(address[0]!);
      assertEquals(everyoneDescriptor(), expected);
    } finally {
      advapi32.close();
      kernel32.close();
    }
  },
);
