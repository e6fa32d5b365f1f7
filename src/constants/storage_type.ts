/** Kinds and vendors of images. */

/** The vendor of every image that Windows can open: VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT. */
export const VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT = "ec984aec-a0f9-47e9-901f-71415a66345b";

/** No vendor named, the image tells: VIRTUAL_STORAGE_TYPE_VENDOR_UNKNOWN. */
export const VIRTUAL_STORAGE_TYPE_VENDOR_UNKNOWN = "00000000-0000-0000-0000-000000000000";

/** Kinds of image. */
export const VIRTUAL_STORAGE_TYPE_DEVICE = {
  UNKNOWN: 0,
  ISO: 1,
  VHD: 2,
  VHDX: 3,
  VHDSET: 4,
} as const;
