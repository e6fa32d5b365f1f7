/* The record of a call: what came, member by member, as JSON. */
#ifndef VIRTDISK_DOUBLE_RECORD_H
#define VIRTDISK_DOUBLE_RECORD_H

#include "functions.h"
#include "virtdisk.h"

/* JSON that is being written; text grows as needed. */
typedef struct {
  char *text;
  uint32_t length, room;
} record_t;

/* record.c: one member of the object each; a NULL pointer is null. Strings are UTF-16 that need not be
   well-formed. */
void put_number(record_t *record, const char *name, uint64_t value);
void put_signed(record_t *record, const char *name, int64_t value);
void put_bool(record_t *record, const char *name, int value);
void put_guid(record_t *record, const char *name, const guid_t *guid);
void put_string(record_t *record, const char *name, const unit_t *text);
/* Bytes as text of hexadecimal digits. */
void put_bytes(record_t *record, const char *name, const void *bytes, uint32_t length);
void put_type(record_t *record, const char *name, const VIRTUAL_STORAGE_TYPE_ *type);
void put_null(record_t *record, const char *name);
void put_ascii(record_t *record, const char *name, const char *text);
/* An object as member; at the top and in a list it has no name. */
void put_open(record_t *record, const char *name);
void put_close(record_t *record);
void put_raw(record_t *record, const char *text);
/* Whether the bytes of a structure from `start` on are zero. */
void put_tail(record_t *record, const void *structure, uint32_t start, uint32_t size);

/* calls.c: `call_begin` locks and starts the record of a call; `call_end` keeps the result and unlocks. */
record_t *call_begin(function_t function);
uint32_t call_end(function_t function, uint32_t result);
/* What the test told the next calls of the function to end with; CODE_SUCCESS where nothing. */
uint32_t call_told(function_t function);
/* Of the text given to a Double function; FUNCTION_COUNT where there is none such. */
function_t function_named(const char *name);
extern const char *const FUNCTION_NAMES[FUNCTION_COUNT];
/* watch.c: memory that the call was given, which a long operation looks at again when it ends. NULL starts
   a new list. */
void watch(const void *memory, uint32_t length);
void watch_string(const unit_t *text);
/* Gives the text of a record to a test: its length always, the text where it fits with a NUL. */
uint32_t record_give(const record_t *record, char *text, uint32_t size);
void record_free(record_t *record);

#endif
