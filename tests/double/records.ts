/**
 * The calls of the double as they arrived, member by member: `null` where a pointer was NULL, a BOOL as its
 * number, a handle and an address as numbers, a string and a GUID as text, bytes as hexadecimal digits.
 */

/** What the record of every call begins with. */
export interface ReceivedCall {
  /** How many calls of the function there were, with this one. */
  readonly calls: number;
  /** Which call of any function it was, counted from 1. */
  readonly order: number;
  /** What the double answered. */
  readonly result: number;
}

/** VIRTUAL_STORAGE_TYPE. */
export interface ReceivedStorageType {
  readonly deviceId: number;
  readonly vendorId: string;
}

/** OPEN_VIRTUAL_DISK_PARAMETERS: the members that its version has. */
export interface ReceivedParameters {
  readonly version: number;
  /** Whether all bytes beyond the members of the version were zero. */
  readonly tailIsZero: boolean;
  /** Version 1. */
  readonly rwDepth?: number;
  /** Versions 2 and 3. */
  readonly getInfoOnly?: number;
  /** Versions 2 and 3. */
  readonly readOnly?: number;
  /** Versions 2 and 3. */
  readonly resiliencyGuid?: string;
  /** Version 3. */
  readonly snapshotId?: string;
}

/** A call of OpenVirtualDisk. */
export interface ReceivedOpen extends ReceivedCall {
  readonly storageType: ReceivedStorageType | null;
  readonly path: string | null;
  readonly accessMask: number;
  readonly flags: number;
  readonly parameters: ReceivedParameters | null;
  /** Whether there was a place for the handle. */
  readonly handleGiven: boolean;
}

/** CREATE_VIRTUAL_DISK_PARAMETERS: the members that its version has. */
export interface ReceivedCreateParameters {
  readonly version: number;
  /** Whether all bytes beyond the members of the version were zero. */
  readonly tailIsZero: boolean;
  readonly uniqueId: string;
  readonly maximumSize: number;
  readonly blockSizeInBytes: number;
  readonly sectorSizeInBytes: number;
  readonly parentPath: string | null;
  readonly sourcePath: string | null;
  /** From version 2 on. */
  readonly physicalSectorSizeInBytes?: number;
  /** From version 2 on. */
  readonly openFlags?: number;
  /** From version 2 on. */
  readonly parentVirtualStorageType?: ReceivedStorageType;
  /** From version 2 on. */
  readonly sourceVirtualStorageType?: ReceivedStorageType;
  /** From version 2 on. */
  readonly resiliencyGuid?: string;
  /** From version 3 on. */
  readonly sourceLimitPath?: string | null;
  /** From version 3 on. */
  readonly backingStorageType?: ReceivedStorageType;
  /** Version 4. */
  readonly pmemAddressAbstractionType?: string;
  /** Version 4. */
  readonly dataAlignment?: number;
}

/** A call of CreateVirtualDisk. */
export interface ReceivedCreate extends ReceivedCall {
  readonly storageType: ReceivedStorageType | null;
  readonly path: string | null;
  readonly accessMask: number;
  readonly securityDescriptorGiven: boolean;
  readonly flags: number;
  readonly providerSpecificFlags: number;
  readonly parameters: ReceivedCreateParameters | null;
  readonly overlappedGiven: boolean;
  readonly handleGiven: boolean;
}

/** A call with a handle of a disk. */
export interface ReceivedHandleCall extends ReceivedCall {
  readonly handle: number;
}

/** A call with a handle of a disk and flags. */
export interface ReceivedFlagsCall extends ReceivedHandleCall {
  readonly flags: number;
}

/** A call that starts a long operation. */
export interface ReceivedOperationCall<P> extends ReceivedFlagsCall {
  readonly overlappedGiven: boolean;
  readonly parameters: P | null;
}

/** A call of AttachVirtualDisk. */
export interface ReceivedAttach extends
  ReceivedOperationCall<{
    readonly version: number;
    readonly reserved?: number;
    readonly restrictedOffset?: number;
    readonly restrictedLength?: number;
  }> {
  readonly securityDescriptorGiven: boolean;
  readonly providerSpecificFlags: number;
}

/** A call with a buffer of a size, in bytes, that the double was told. */
export interface ReceivedSizedCall extends ReceivedHandleCall {
  readonly size?: number;
  readonly bufferGiven: boolean;
}

/** A call of SetVirtualDiskInformation: the members that its class has. */
export interface ReceivedSetInformation extends ReceivedHandleCall {
  readonly infoGiven: boolean;
  readonly version?: number;
  readonly parentFilePath?: string | null;
  readonly uniqueIdentifier?: string;
  readonly childDepth?: number;
  readonly vhdPhysicalSectorSize?: number;
  readonly virtualDiskId?: string;
  readonly changeTrackingEnabled?: number;
  readonly linkageId?: string;
}

/** A call of Take-, Delete- or ApplySnapshotVhdSet. */
export interface ReceivedSnapshotCall extends ReceivedFlagsCall {
  readonly parametersGiven: boolean;
  readonly version?: number;
  readonly snapshotId?: string;
  /** ApplySnapshotVhdSet. */
  readonly leafSnapshotId?: string;
}

/** What each function's record holds. */
export interface ReceivedCalls {
  OpenVirtualDisk: ReceivedOpen;
  CreateVirtualDisk: ReceivedCreate;
  AttachVirtualDisk: ReceivedAttach;
  DetachVirtualDisk: ReceivedFlagsCall & { readonly providerSpecificFlags: number };
  GetVirtualDiskPhysicalPath: ReceivedSizedCall;
  GetAllAttachedVirtualDiskPhysicalPaths: Omit<ReceivedSizedCall, "handle">;
  GetStorageDependencyInformation: ReceivedFlagsCall & {
    readonly size: number;
    readonly infoGiven: boolean;
    readonly usedGiven: boolean;
    readonly version?: number;
  };
  GetVirtualDiskInformation: ReceivedHandleCall & {
    readonly size?: number;
    readonly version?: number;
    readonly usedGiven: boolean;
  };
  SetVirtualDiskInformation: ReceivedSetInformation;
  EnumerateVirtualDiskMetadata: ReceivedHandleCall & {
    readonly numberOfItems?: number;
    readonly itemsGiven: boolean;
  };
  GetVirtualDiskMetadata: ReceivedSizedCall & { readonly item: string | null };
  SetVirtualDiskMetadata: ReceivedSizedCall & { readonly item: string | null };
  DeleteVirtualDiskMetadata: ReceivedHandleCall & { readonly item: string | null };
  GetVirtualDiskOperationProgress: ReceivedHandleCall & {
    readonly overlapped: number;
    readonly progressGiven: boolean;
  };
  CompactVirtualDisk: ReceivedOperationCall<{ version: number; reserved: number }>;
  MergeVirtualDisk: ReceivedOperationCall<{
    version: number;
    /** Version 1. */
    mergeDepth?: number;
    /** Version 1. */
    tailIsZero?: boolean;
    /** Version 2. */
    mergeSourceDepth?: number;
    /** Version 2. */
    mergeTargetDepth?: number;
  }>;
  ExpandVirtualDisk: ReceivedOperationCall<{ version: number; newSize: number }>;
  ResizeVirtualDisk: ReceivedOperationCall<{ version: number; newSize: number }>;
  MirrorVirtualDisk: ReceivedOperationCall<{ version: number; path: string | null }>;
  BreakMirrorVirtualDisk: ReceivedHandleCall;
  AddVirtualDiskParent: ReceivedHandleCall & { readonly parentPath: string | null };
  QueryChangesVirtualDisk: ReceivedFlagsCall & {
    readonly changeTrackingId: string | null;
    readonly byteOffset: number;
    readonly byteLength: number;
    readonly rangeCount?: number;
  };
  TakeSnapshotVhdSet: ReceivedSnapshotCall;
  DeleteSnapshotVhdSet: ReceivedSnapshotCall;
  ApplySnapshotVhdSet: ReceivedSnapshotCall;
  ModifyVhdSet: ReceivedFlagsCall & {
    readonly parametersGiven: boolean;
    readonly version?: number;
    readonly snapshotId?: string;
    readonly snapshotFilePath?: string | null;
    readonly defaultFilePath?: string | null;
  };
  RawSCSIVirtualDisk: ReceivedFlagsCall & {
    readonly responseGiven: boolean;
    readonly parameters: {
      readonly version: number;
      readonly rsvdHandle: number;
      readonly dataIn: number;
      readonly senseInfoLength: number;
      readonly srbFlags: number;
      readonly dataTransferLength: number;
      readonly cdb: string | null;
      /** Where data was written. */
      readonly dataOut?: string | null;
    } | null;
  };
  ForkVirtualDisk: ReceivedOperationCall<{ version: number; path: string | null }>;
  CompleteForkVirtualDisk: ReceivedHandleCall;
}

/** A function of virtdisk.h. */
export type FunctionName = keyof ReceivedCalls;

/** A long operation, pending or ended. */
export interface ReceivedOperation {
  readonly function: FunctionName;
  readonly handle: number;
  /** The address of its OVERLAPPED, which the double writes when it ends; 0 where there was none. */
  readonly overlapped: number;
  /** 997 while it is pending, then what it ended with. */
  readonly code: number;
  /** Whether CancelIoEx or the handle's being closed ended it. */
  readonly cancelled: boolean;
  /** How many times its progress was asked for. */
  readonly queries: number;
  /**
   * Once ended: whether the structure of its parameters, and each string that the structure points to, were
   * still what they were when it began.
   */
  readonly memoryIntact?: boolean;
  /** Once ended: whether its OVERLAPPED was still there. */
  readonly overlappedIntact?: boolean;
}
