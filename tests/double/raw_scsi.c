/* RawSCSIVirtualDisk, which Windows has since Windows 10: records the command, answers as told. */
#ifndef DOUBLE_WINDOWS_8
#include <string.h>

#include "double.h"

#define DATA_BYTES 65536
#define SENSE_BYTES 255

static uint8_t status, data[DATA_BYTES], sense[SENSE_BYTES];
static uint32_t data_length, sense_length;

void raw_scsi_reset(void) { status = 0, data_length = sense_length = 0; }

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* Flags are 0 [D], there is a command [H]; the codes [I: scsi-arguments]. */
static uint32_t check(const RAW_SCSI_VIRTUAL_DISK_PARAMETERS_ *p, uint32_t flags,
                      const RAW_SCSI_VIRTUAL_DISK_RESPONSE_ *response) {
  if (!p || !response || flags != 0 || p->Version != 1) return CODE_INVALID_PARAMETER;
  if (p->Version1.CdbLength == 0 || !p->Version1.Cdb) return CODE_INVALID_PARAMETER;
  if (p->Version1.DataTransferLength > 0 && !p->Version1.DataBuffer) return CODE_INVALID_PARAMETER;
  if (p->Version1.SenseInfoLength > 0 && !p->Version1.SenseInfo) return CODE_INVALID_PARAMETER;
  return CODE_SUCCESS;
}

static void put_parameters(record_t *call, const RAW_SCSI_VIRTUAL_DISK_PARAMETERS_ *p) {
  put_open(call, "parameters");
  put_number(call, "version", p->Version);
  put_signed(call, "rsvdHandle", p->Version1.RSVDHandle);
  put_number(call, "dataIn", p->Version1.DataIn);
  put_number(call, "senseInfoLength", p->Version1.SenseInfoLength);
  put_number(call, "srbFlags", p->Version1.SrbFlags);
  put_number(call, "dataTransferLength", p->Version1.DataTransferLength);
  put_bytes(call, "cdb", p->Version1.Cdb, p->Version1.CdbLength);
  if (!p->Version1.DataIn) {
    const uint32_t length = smaller(p->Version1.DataTransferLength, DATA_BYTES);
    put_bytes(call, "dataOut", p->Version1.DataBuffer, length);
  }
  put_close(call);
}

static void respond(const RAW_SCSI_VIRTUAL_DISK_PARAMETERS_ *p,
                    RAW_SCSI_VIRTUAL_DISK_RESPONSE_ *response) {
  response->Version = 1;
  response->ScsiStatus = status;
  response->SenseInfoLength = (uint8_t)smaller(p->Version1.SenseInfoLength, sense_length);
  if (response->SenseInfoLength > 0) {
    memcpy(p->Version1.SenseInfo, sense, response->SenseInfoLength);
  }
  response->DataTransferLength = p->Version1.DataTransferLength;
  if (!p->Version1.DataIn) return;
  response->DataTransferLength = smaller(p->Version1.DataTransferLength, data_length);
  if (response->DataTransferLength > 0) {
    memcpy(p->Version1.DataBuffer, data, response->DataTransferLength);
  }
}

EXPORT uint32_t RawSCSIVirtualDisk(handle_t handle, const RAW_SCSI_VIRTUAL_DISK_PARAMETERS_ *p,
                                   uint32_t flags, RAW_SCSI_VIRTUAL_DISK_RESPONSE_ *response) {
  record_t *call = call_begin(FN_RawSCSIVirtualDisk);
  put_number(call, "handle", (uintptr_t)handle);
  put_number(call, "flags", flags);
  put_bool(call, "responseGiven", response != NULL);
  if (p) {
    put_parameters(call, p);
  } else {
    put_null(call, "parameters");
  }
  /* [O]; [I: foreign-handle] */
  uint32_t result = handle_find(handle) ? check(p, flags, response) : (uint32_t)CODE_INVALID_HANDLE;
  if (!result) result = call_told(FN_RawSCSIVirtualDisk);
  if (!result) respond(p, response);
  return call_end(FN_RawSCSIVirtualDisk, result);
}

/* What the next commands are answered; gives 0 where it is too much. */
EXPORT uint32_t DoubleAnswerScsi(uint32_t scsi_status, const uint8_t *sense_bytes, uint32_t sense_size,
                                 const uint8_t *data_bytes, uint32_t data_size) {
  if (sense_size > SENSE_BYTES || data_size > DATA_BYTES) return 0;
  lock();
  status = (uint8_t)scsi_status;
  sense_length = sense_size;
  data_length = data_size;
  if (sense_size > 0) memcpy(sense, sense_bytes, sense_size);
  if (data_size > 0) memcpy(data, data_bytes, data_size);
  unlock();
  return 1;
}
#endif
