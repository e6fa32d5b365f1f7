/**
 * What people on Windows are told who meet one of the 25 things that go wrong most (the numbers are those of
 * `tests/messages/`): the double gives the code that Windows gives, and the advice must be for Windows, this
 * backend and these arguments. And what the portable backend tells there.
 */
import { assert, assertMatch } from "@std/assert";
import { causesOf, situationOf } from "../../src/errors/causes.ts";
import { errorCode, type ErrorSymbol } from "../../src/errors/codes.ts";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { type DoubleContext, IMAGE, testRowsWithDouble } from "./with_double.ts";

const MIB = 2 ** 20;
const ISO = "C:\\images\\setup.iso";
const VHD = "C:\\images\\disk.vhd";
/** Nothing of this is on Windows. */
const NOT_HERE = /chmod|chown|ulimit|dmesg|`ls |mount the share|quota` shows|Only Windows/;

interface Row {
  readonly name: string;
  /** What Windows answers; the call follows. */
  readonly call: (context: DoubleContext) => unknown;
  readonly says: readonly RegExp[];
  readonly never?: readonly RegExp[];
}

/** An open that Windows refuses. */
function opening(
  symbol: ErrorSymbol,
  path: string = IMAGE,
  options: Parameters<DoubleContext["open"]>[1] = {},
) {
  return ({ double, open }: DoubleContext) => {
    double.nextOpen(errorCode(symbol));
    open(path, options);
  };
}

/** A create that Windows refuses. */
function creating(symbol: ErrorSymbol, options: Parameters<DoubleContext["create"]>[1]) {
  return ({ double, create }: DoubleContext) => {
    double.nextResult("CreateVirtualDisk", errorCode(symbol));
    return create(IMAGE, options);
  };
}

const ROWS: readonly Row[] = [
  {
    name: "1 and 2. the device of a disk whose attachment has ended",
    call: ({ double, open }) => {
      using disk = open();
      double.nextResult("GetVirtualDiskPhysicalPath", errorCode("ERROR_DEV_NOT_EXIST"));
      disk.physicalPath();
    },
    says: [/not attached/, /not \{ permanent: true \} ends when its disk is closed/],
  },
  {
    name: "3. access denied to a reader",
    call: opening("ERROR_ACCESS_DENIED"),
    says: [/no right to read the file/, /permanently attached/],
    never: [/readOnly: true/, /ISO/],
  },
  {
    name: "4. a VHDX that was not closed",
    call: opening("ERROR_ACCESS_DENIED"),
    says: [/log must be replayed/, /open it once with \{ readOnly: false \}/],
  },
  {
    name: "4. a VHD has no log",
    call: opening("ERROR_ACCESS_DENIED", VHD),
    says: [/no right to read the file/],
    never: [/log/],
  },
  {
    name: "3. access denied to a writer",
    call: opening("ERROR_ACCESS_DENIED", IMAGE, { readOnly: false }),
    says: [/may not write to the file/, /readOnly: true/],
    never: [/ISO/],
  },
  {
    name: "3. a privilege is missing",
    call: opening("ERROR_PRIVILEGE_NOT_HELD"),
    says: [/SeManageVolumePrivilege/, /elevated/],
  },
  {
    name: "5. a compressed file",
    call: opening("ERROR_UNSUPPORTED_COMPRESSION"),
    says: [/compact \/u/],
  },
  {
    name: "5. an encrypted file",
    call: opening("ERROR_FILE_ENCRYPTED"),
    says: [/cipher \/d/],
  },
  {
    name: "5. a sparse file",
    call: opening("ERROR_VIRTUAL_DISK_LIMITATION"),
    says: [/sparse/, /fsutil sparse setflag/],
  },
  {
    name: "6. the parent was moved",
    call: opening("ERROR_VHD_PARENT_VHD_NOT_FOUND"),
    says: [/moved, renamed or deleted/, /"no-parents"/, /setInformation\("parentPath", \.\.\.\)/],
    never: [/with your rights/],
  },
  {
    name: "6 and 23. the parent was changed",
    call: opening("ERROR_VHD_CHILD_PARENT_ID_MISMATCH"),
    says: [/written to after the child was made/, /backend: "portable", ignoreMismatch: true/],
  },
  {
    name: "7. the links of a chain lead round in a circle",
    call: opening("ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED"),
    says: [/setInformation\("parentPath", \.\.\.\)/],
  },
  {
    name: "8. a file that is no image",
    call: opening("ERROR_VIRTDISK_PROVIDER_NOT_FOUND", "C:\\images\\a.img"),
    says: [/`type` option/, /Windows 8/],
    never: [/type: "raw"/],
  },
  {
    name: "10 and 11. a damaged VHDX",
    call: opening("ERROR_FILE_CORRUPT"),
    says: [/damaged or cut off/, /checkVirtualDisk\(\)/],
    never: [/ISO/, /2048/],
  },
  {
    name: "11. a VHD whose checksum does not match",
    call: opening("ERROR_VHD_DRIVE_FOOTER_CHECKSUM_MISMATCH", VHD),
    says: [/checkVirtualDisk\(\)/, /restore it from a copy/],
  },
  {
    name: "12. a version that is not known",
    call: opening("ERROR_VHD_FORMAT_UNSUPPORTED_VERSION"),
    says: [/open it with the program that made it/],
  },
  {
    name: "13. an ISO image of odd size",
    call: opening("ERROR_FILE_CORRUPT", ISO),
    says: [/multiple of 2048 bytes/, /34816/],
  },
  {
    name: "14. an image that is open elsewhere",
    call: opening("ERROR_SHARING_VIOLATION"),
    says: [/close it there, detach it/, /virtual machine/],
  },
  {
    name: "15. a medium that is read-only",
    call: opening("ERROR_WRITE_PROTECT", IMAGE, { readOnly: false }),
    says: [/medium that holds the image is read-only/],
    never: [/rwDepth/],
  },
  {
    name: "16. a fixed disk on a full volume",
    call: creating("ERROR_DISK_FULL", { size: 64 * MIB, subtype: "fixed" }),
    says: [/takes all of its size at once/, /dynamic/],
  },
  {
    name: "16. a dynamic disk on a full volume",
    call: creating("ERROR_DISK_FULL", { size: 64 * MIB }),
    says: [/Free space on the volume/],
    never: [/fixed/],
  },
  {
    name: "17. a block size that no image has",
    call: creating("ERROR_INVALID_PARAMETER", { size: 64 * MIB, blockSize: 1000 }),
    says: [/Block sizes: VHD 512 KiB or 2 MiB/, /older/],
    never: [/at least 3 MiB/, /Sectors/],
  },
  {
    name: "17. a disk that is too small",
    call: creating("ERROR_INVALID_PARAMETER", { size: MIB, blockSize: 2 * MIB }),
    says: [/at least 3 MiB/],
    never: [/Block sizes/],
  },
  {
    name: "17. options that all look right",
    call: creating("ERROR_INVALID_PARAMETER", { size: "64MiB", sectorSize: 4096 }),
    says: [/at least 3 MiB/, /Sectors have 512 bytes/],
    never: [/Block sizes/],
  },
  {
    name: "17. a disk that is too large",
    call: creating("ERROR_VHD_INVALID_SIZE", { size: "65TiB" }),
    says: [/at most 2040 GiB, a VHDX at most 64 TiB/],
  },
  {
    name: "18. a path that is too long",
    call: opening("ERROR_FILENAME_EXCED_RANGE"),
    says: [/255 characters/, /\\\\\?\\/],
  },
  {
    name: "21. an older Windows",
    call: ({ double, open }) => {
      using disk = open();
      double.nextResult("QueryChangesVirtualDisk", errorCode("ERROR_CALL_NOT_IMPLEMENTED"));
      return [...disk.queryChanges("id", { length: 1 })];
    },
    says: [/This Windows is older than the function/],
  },
  {
    name: "23. merging a disk that was opened by default",
    call: async ({ double, open }) => {
      using disk = open();
      double.nextResult("MergeVirtualDisk", errorCode("ERROR_ACCESS_DENIED"));
      await disk.merge();
    },
    says: [/\. The disk was opened for reading: open it with \{ readOnly: false \}/],
  },
  {
    name: "24. resizing below the last partition",
    call: async ({ double, openWritable }) => {
      using disk = openWritable();
      double.nextResult(
        "ResizeVirtualDisk",
        errorCode("ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA"),
      );
      await disk.resize(4 * MIB);
    },
    says: [/Resize-Partition/, /smallestSafeVirtualSize/],
  },
  {
    name: "25. using a disk after its end",
    call: ({ open }) => {
      const disk = open();
      disk.close();
      disk.getInformation("size");
    },
    says: [/the disk is closed/, /inside the `using` scope/],
  },
];

async function told(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    assert(error instanceof VirtualDiskError);
    return [error.message, ...error.causes.slice(1)].join("\n");
  }
  throw new Error("nothing failed");
}

testRowsWithDouble("the native backend gives advice that is for Windows", async (step) => {
  for (const { name, call, says, never = [] } of ROWS) {
    await step(name, async (context) => {
      const text = await told(() => call(context));
      for (const words of says) assertMatch(text, words);
      for (const words of [...never, NOT_HERE]) assert(!words.test(text), `${words} in: ${text}`);
    });
  }
});

/** The portable backend on both kinds of system: what is said here, and only there. */
const PLACES: [
  operation: string,
  symbol: ErrorSymbol,
  about: string[],
  onWindows: RegExp,
  elsewhere: RegExp,
][] = [
  [
    "OpenVirtualDisk",
    "ERROR_ACCESS_DENIED",
    ["file to write"],
    /change its properties/,
    /chmod u\+w/,
  ],
  ["OpenVirtualDisk", "ERROR_ACCESS_DENIED", ["file"], /no right to read the file/, /`ls -l`/],
  ["OpenVirtualDisk", "ERROR_PATH_NOT_FOUND", [], /drive/, /current directory/],
  ["OpenVirtualDisk", "ERROR_FILENAME_EXCED_RANGE", [], /255 characters/, /255 bytes/],
  [
    "OpenVirtualDisk",
    "ERROR_VHD_PARENT_VHD_NOT_FOUND",
    ["refused parent"],
    /trust the path/,
    /mount the share/,
  ],
  [
    "CreateVirtualDisk",
    "ERROR_FILE_SYSTEM_LIMITATION",
    ["length of the file"],
    /FAT32/,
    /`ulimit -f`/,
  ],
  ["AttachVirtualDisk", "ERROR_NOT_SUPPORTED", [], /backend: "native"/, /Only Windows attaches/],
  ["TakeSnapshotVhdSet", "ERROR_NOT_SUPPORTED", [], /backend: "native"/, /on Windows\.$/],
];

Deno.test("causesOf() gives the advice of the system on which the portable backend runs", async (t) => {
  for (const [operation, symbol, about, onWindows, elsewhere] of PLACES) {
    await t.step(`${symbol} (${operation}, ${about})`, () => {
      const causes = (os: "windows" | "linux") =>
        causesOf(operation, errorCode(symbol), situationOf("portable", about, os)).join("\n");
      assertMatch(causes("windows"), onWindows);
      assertMatch(causes("linux"), elsewhere);
      assert(!NOT_HERE.test(causes("windows")), causes("windows"));
      assert(!onWindows.test(causes("linux")) || onWindows.source === "FAT32", causes("linux"));
    });
  }
});
