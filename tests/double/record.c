#include "record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "double.h"

static void append(record_t *record, const char *bytes, uint32_t length) {
  if (record->length + length + 1 > record->room) {
    const uint32_t room = (record->length + length + 1) * 2;
    char *text = realloc(record->text, room);
    if (!text) abort(); /* a test must not go on with half a record */
    record->text = text;
    record->room = room;
  }
  memcpy(record->text + record->length, bytes, length);
  record->length += length;
  record->text[record->length] = 0;
}

void put_raw(record_t *record, const char *text) { append(record, text, (uint32_t)strlen(text)); }

static void put_formatted(record_t *record, const char *format, ...) {
  char text[64];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  put_raw(record, text);
}

static void put_name(record_t *record, const char *name) {
  const char before = record->length ? record->text[record->length - 1] : '{';
  if (before != '{' && before != '[') put_raw(record, ",");
  if (!name) return;
  put_raw(record, "\"");
  put_raw(record, name);
  put_raw(record, "\":");
}

void put_number(record_t *record, const char *name, uint64_t value) {
  put_name(record, name);
  put_formatted(record, "%" PRIu64, value);
}

void put_signed(record_t *record, const char *name, int64_t value) {
  put_name(record, name);
  put_formatted(record, "%" PRId64, value);
}

void put_bool(record_t *record, const char *name, int value) {
  put_name(record, name);
  put_raw(record, value ? "true" : "false");
}

void put_null(record_t *record, const char *name) {
  put_name(record, name);
  put_raw(record, "null");
}

void put_ascii(record_t *record, const char *name, const char *text) {
  put_name(record, name);
  put_raw(record, "\"");
  put_raw(record, text);
  put_raw(record, "\"");
}

void put_guid(record_t *record, const char *name, const guid_t *guid) {
  char text[37];
  if (!guid) {
    put_null(record, name);
    return;
  }
  guid_format(guid, text);
  put_ascii(record, name, text);
}

void put_string(record_t *record, const char *name, const unit_t *text) {
  if (!text) {
    put_null(record, name);
    return;
  }
  put_name(record, name);
  put_raw(record, "\"");
  const uint32_t length = units_length(text, PATH_UNITS);
  for (uint32_t i = 0; i < length; i++) {
    const unit_t unit = text[i];
    const char plain = (char)unit;
    if (unit < ' ' || unit > '~' || unit == '"' || unit == '\\') {
      put_formatted(record, "\\u%04x", unit);
    } else {
      append(record, &plain, 1);
    }
  }
  put_raw(record, "\"");
}

void put_bytes(record_t *record, const char *name, const void *bytes, uint32_t length) {
  if (!bytes) {
    put_null(record, name);
    return;
  }
  put_name(record, name);
  put_raw(record, "\"");
  for (uint32_t i = 0; i < length; i++) put_formatted(record, "%02x", ((const uint8_t *)bytes)[i]);
  put_raw(record, "\"");
}

void put_open(record_t *record, const char *name) {
  put_name(record, name);
  put_raw(record, "{");
}

void put_close(record_t *record) { put_raw(record, "}"); }

void put_type(record_t *record, const char *name, const VIRTUAL_STORAGE_TYPE_ *type) {
  if (!type) {
    put_null(record, name);
    return;
  }
  put_open(record, name);
  put_number(record, "deviceId", type->DeviceId);
  put_guid(record, "vendorId", &type->VendorId);
  put_close(record);
}

void put_tail(record_t *record, const void *structure, uint32_t start, uint32_t size) {
  const uint8_t *bytes = structure;
  int zero = 1;
  for (uint32_t i = start; i < size; i++) {
    if (bytes[i] != 0) zero = 0;
  }
  put_bool(record, "tailIsZero", zero);
}

uint32_t record_give(const record_t *record, char *text, uint32_t size) {
  if (text && record->length < size) memcpy(text, record->text, record->length + 1);
  return record->length;
}

void record_free(record_t *record) {
  free(record->text);
  *record = (record_t){0};
}
