// Opens and closes the double of VirtDisk.dll through koffi under Node.
//
// node koffi_open.mjs KOFFI VIRTDISK KERNEL32 PATH record|time prepared|packed [COUNT]
//
// KOFFI is koffi's folder, PATH what to open. `record` prints the double's record of one open, `time`
// the milliseconds of COUNT opens and closes.
import { createRequire } from "node:module";

const [koffiPath, virtdiskPath, kernel32Path, imagePath, command, way] = process.argv.slice(2);
const count = Number(process.argv[8]);
const koffi = createRequire(import.meta.url)(koffiPath);

const GUID = koffi.struct("GUID", {
  Data1: "uint32_t",
  Data2: "uint16_t",
  Data3: "uint16_t",
  Data4: koffi.array("uint8_t", 8),
});
koffi.struct("VIRTUAL_STORAGE_TYPE", { DeviceId: "uint32_t", VendorId: GUID });
// The arm of version 2, padded to the size of the whole structure.
koffi.struct("OPEN_VIRTUAL_DISK_PARAMETERS", {
  Version: "uint32_t",
  GetInfoOnly: "int32_t",
  ReadOnly: "int32_t",
  ResiliencyGuid: GUID,
  SnapshotId: GUID,
});

const virtdisk = koffi.load(virtdiskPath);
const kernel32 = koffi.load(kernel32Path);
const openPacked = virtdisk.func(
  "uint32_t OpenVirtualDisk(VIRTUAL_STORAGE_TYPE *type, const char16_t *path, uint32_t mask, " +
    "uint32_t flags, OPEN_VIRTUAL_DISK_PARAMETERS *parameters, _Out_ uint64_t *handle)",
);
const openPrepared = virtdisk.func("OpenVirtualDisk", "uint32_t", [
  "void *",
  "void *",
  "uint32_t",
  "uint32_t",
  "void *",
  "void *",
]);
const lastCall = virtdisk.func(
  "uint32_t DoubleLastCall(const char *name, void *text, uint32_t size)",
);
const closeHandle = kernel32.func("int32_t CloseHandle(uint64_t handle)");

const NIL = { Data1: 0, Data2: 0, Data3: 0, Data4: [0, 0, 0, 0, 0, 0, 0, 0] };
const VHDX = 3;
const VENDOR = {
  Data1: 0xec984aec,
  Data2: 0xa0f9,
  Data3: 0x47e9,
  Data4: [0x90, 0x1f, 0x71, 0x41, 0x5a, 0x66, 0x34, 0x5b],
};

/** What a script does that has no binding: structures as objects, at every call. */
function packed() {
  const handle = [0];
  const code = openPacked(
    { DeviceId: VHDX, VendorId: VENDOR },
    imagePath,
    0,
    0,
    { Version: 2, GetInfoOnly: 0, ReadOnly: 1, ResiliencyGuid: NIL, SnapshotId: NIL },
    handle,
  );
  close(code, handle[0]);
}

const type = koffi.alloc("VIRTUAL_STORAGE_TYPE", 1);
koffi.encode(type, "VIRTUAL_STORAGE_TYPE", { DeviceId: VHDX, VendorId: VENDOR });
const parameters = koffi.alloc("OPEN_VIRTUAL_DISK_PARAMETERS", 1);
koffi.encode(parameters, "OPEN_VIRTUAL_DISK_PARAMETERS", {
  Version: 2,
  GetInfoOnly: 0,
  ReadOnly: 1,
  ResiliencyGuid: NIL,
  SnapshotId: NIL,
});
const path = Buffer.from(`${imagePath}\0`, "utf16le");
const out = Buffer.alloc(8);

/** Buffers that are made once. */
function prepared() {
  const code = openPrepared(type, path, 0, 0, parameters, out);
  close(code, out.readBigUInt64LE(0));
}

function close(code, handle) {
  if (code !== 0) throw new Error(`OpenVirtualDisk gave ${code}`);
  if (closeHandle(handle) === 0) throw new Error("CloseHandle failed");
}

const open = { prepared, packed }[way];
if (command === "record") {
  open();
  const text = Buffer.alloc(256 * 1024);
  console.log(text.toString("utf8", 0, lastCall("OpenVirtualDisk", text, text.length)));
} else {
  // The first half lets the engine compile what it measures.
  let start = 0;
  for (let i = -count; i < count; i++) {
    if (i === 0) start = performance.now();
    open();
  }
  console.log(performance.now() - start);
}
