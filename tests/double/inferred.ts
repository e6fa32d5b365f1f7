/**
 * What the double answers though no page, header or program says that Windows does: only inferred, and to be asked
 * of a real Windows. The sources name each where they answer so, as `[I: id]`, and `tests/windows/verify` asks about
 * each. Of many a rule is documented that a call breaks, but not the code that it ends with.
 */
export const INFERRED: Readonly<Record<string, string>> = {
  "add-parent":
    "A parent for a chain that is not built by hand ends with 87, for one that may be written with 5.",
  "attach-parameters":
    "A reserved member, a range without its flag, and the flag without a range end with 87.",
  "break-nothing": "Breaking a mirror that there is not ends with ERROR_VHD_INVALID_STATE.",
  "changes-arguments":
    "No bytes and flags end with 87, an id of no or too many characters with 0xC03A0029.",
  "closed-pending": "A call whose disk is closed ends with ERROR_OPERATION_ABORTED.",
  "compact-parameters":
    "The two flags of the header are taken; others and a reserved member end with 87.",
  "create-iso": "An ISO image that is to be created ends with 87.",
  "create-parameters":
    "A parent beside a source, odd sector sizes and unknown open flags end with 87.",
  "create-parent": "A child with a size or fixed ends with 87.",
  "create-too-large": "A disk beyond the largest size of its format ends with 0xC03A0012.",
  "dependency-arguments": "Unknown versions and flags, and less room than a head, end with 87.",
  "device-no-host":
    "The device of a disk that is attached without the local host ends with ERROR_DEV_NOT_EXIST.",
  "dirty-log-info": "An open for information alone succeeds for a VHDX with a dirty log.",
  "empty-path": "An empty path ends with ERROR_INVALID_NAME.",
  "foreign-handle":
    "A handle of something else ends with 6, except where a page says 87: of attach and detach.",
  "info-size":
    "Less room than the structure has ends with 122 and the needed size, less than its head with 87.",
  "iso-attach":
    "An ISO image ends with 50 if it is attached to be written, with 87 without a host.",
  "iso-open-flags": "Flags that do not apply to an ISO image end with 87.",
  "iso-version-2": "An ISO image that is opened by version 2 or 3 ends with 87.",
  "iso-write-mask": "Rights to change an ISO image end with 5.",
  "long-path": "A path of 260 characters or more without a prefix ends with ERROR_PATH_NOT_FOUND.",
  "merge-parameters":
    "Depths that are none, and versions that do not go together, end with 87, a chain that is not writable with 5.",
  "metadata-absent": "An absent item ends with ERROR_NOT_FOUND.",
  "metadata-full": "An item of more than 1 MiB ends with 0xC03A0028.",
  "metadata-handle": "A version 1 handle, and writing by one that may not, ends with 5.",
  "metadata-kind": "Metadata of a VHD or ISO image ends with ERROR_NOT_SUPPORTED.",
  "metadata-nil": "The item of zeros ends with 87.",
  "mirror-arguments":
    "Flags that there are not and no OVERLAPPED end with 87, a version 1 handle with 5.",
  "operation-attached": "Operations that want a detached disk end with ERROR_VHD_INVALID_STATE.",
  "parent-not-opened":
    "PARENT_LOCATION of a disk that was opened without its parents is not resolved, and gives the candidates.",
  "path-list-end": "The list of attached images ends with one more NUL, which its size counts.",
  "path-list-no-host":
    "A disk that is attached without the local host is not in the list of attached images.",
  "path-too-long": "A path of 32768 characters ends with ERROR_FILENAME_EXCED_RANGE.",
  "progress-of-nothing": "Progress by an OVERLAPPED of no operation ends with 87.",
  "provider-flags": "Provider flags other than 0 end with 87.",
  "scsi-arguments": "A command of another version or no bytes, and flags, end with 87.",
  "set-values": "A depth of 0 and sectors of odd sizes end with 87.",
  "size-parameters":
    "Sizes of no bytes or no whole sectors, and two flags that exclude each other, end with 87.",
  "unknown-class": "Classes of information that there are not end with 87.",
  "unknown-flags": "Flags that there are not end with 87.",
  "unknown-provider":
    "A device, vendor or extension that nobody knows ends with ERROR_VIRTDISK_PROVIDER_NOT_FOUND.",
  "unqualified-path": "A path in a structure that is not fully qualified ends with 87.",
  "v2-mask": "An open of version 2 or 3 with an access mask ends with 87.",
  "v2-rights":
    "A version 2 handle that is read-only, or for information alone, ends with 5 what it may not do.",
  "vhdset-handle":
    "Functions of VHD Sets end with ERROR_VHD_INVALID_TYPE on other disks, with 5 on one that is not writable.",
  "vhdset-parameters": "Unknown versions and ids of zeros end with 87.",
};
