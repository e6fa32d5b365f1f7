/** The structures that others hold by value. */
import { array, guid, u16, u32, u8 } from "../codec.ts";
import { type Struct, struct } from "../struct.ts";

/** GUID, part by part; elsewhere a GUID is its text. */
export interface Guid {
  /** First eight digits. */
  readonly Data1: number;
  /** Next four. */
  readonly Data2: number;
  /** Next four. */
  readonly Data3: number;
  /** The other sixteen, in pairs. */
  readonly Data4: readonly number[];
}

/** GUID of guiddef.h. */
export const GUID: Struct<Guid> = struct("GUID", {
  Data1: u32,
  Data2: u16,
  Data3: u16,
  Data4: array(u8, 8),
});

/** The format of an image and who defined it. */
export interface VirtualStorageType {
  /** VIRTUAL_STORAGE_TYPE_DEVICE_*. */
  readonly DeviceId: number;
  /** VIRTUAL_STORAGE_TYPE_VENDOR_*. */
  readonly VendorId: string;
}

/** VIRTUAL_STORAGE_TYPE. */
export const VIRTUAL_STORAGE_TYPE: Struct<VirtualStorageType> = struct("VIRTUAL_STORAGE_TYPE", {
  DeviceId: u32,
  VendorId: guid,
});
