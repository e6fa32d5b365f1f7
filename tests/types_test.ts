/** What the compiler knows of the public API; a wrong type fails the type check. */
import type { AssertTrue, IsExact } from "@std/testing/types";
import {
  createVirtualDisk,
  type NativeVirtualDisk,
  openVirtualDisk,
  openVirtualDiskSync,
  type PortableVirtualDisk,
  type VirtualDisk,
} from "@virtdisk/virtdisk";

Deno.test("the backend option decides the type of the disk", () => {
  const portable = () => openVirtualDiskSync("x", { backend: "portable", readOnly: false });
  const native = () => openVirtualDiskSync("x", { backend: "native" });
  const either = () => openVirtualDiskSync("x");
  const portableLater = () => openVirtualDisk("x", { backend: "portable" });
  const nativeLater = () => openVirtualDisk("x", { backend: "native" });
  const eitherLater = () => openVirtualDisk("x", { backend: "auto" });
  const created = () => createVirtualDisk("x", { size: 1, backend: "portable" });
  type _Types = [
    AssertTrue<IsExact<ReturnType<typeof portable>, PortableVirtualDisk>>,
    AssertTrue<IsExact<ReturnType<typeof native>, NativeVirtualDisk>>,
    AssertTrue<IsExact<ReturnType<typeof either>, VirtualDisk>>,
    AssertTrue<IsExact<ReturnType<typeof portableLater>, Promise<PortableVirtualDisk>>>,
    AssertTrue<IsExact<ReturnType<typeof nativeLater>, Promise<NativeVirtualDisk>>>,
    AssertTrue<IsExact<ReturnType<typeof eitherLater>, Promise<VirtualDisk>>>,
    AssertTrue<IsExact<ReturnType<typeof created>, Promise<PortableVirtualDisk>>>,
  ];
});

Deno.test("the information class decides the type of the information", () => {
  const sizes = (disk: VirtualDisk) => disk.getInformation("size").virtualSize;
  const subtype = (disk: VirtualDisk) => disk.getInformation("providerSubtype");
  type _Types = [
    AssertTrue<IsExact<ReturnType<typeof sizes>, number>>,
    AssertTrue<
      IsExact<ReturnType<typeof subtype>, "fixed" | "dynamic" | "differencing" | "unknown">
    >,
  ];
});
