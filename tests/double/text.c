/* GUIDs as text, and UTF-16 strings. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "double.h"

void guid_format(const guid_t *guid, char text[37]) {
  const uint8_t *d = guid->Data4;
  snprintf(text, 37, "%08" PRIx32 "-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
           (uint32_t)guid->Data1, guid->Data2, guid->Data3, d[0], d[1], d[2], d[3], d[4], d[5], d[6],
           d[7]);
}

int guid_parse(const char *text, guid_t *guid) {
  unsigned data1, data2, data3, d[8];
  int end = 0;
  if (strlen(text) != 36 ||
      sscanf(text, "%8x-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x%n", &data1, &data2, &data3, &d[0], &d[1],
             &d[2], &d[3], &d[4], &d[5], &d[6], &d[7], &end) != 11 ||
      end != 36) {
    return 0;
  }
  guid->Data1 = data1;
  guid->Data2 = (uint16_t)data2;
  guid->Data3 = (uint16_t)data3;
  for (int i = 0; i < 8; i++) guid->Data4[i] = (uint8_t)d[i];
  return 1;
}

/* Units before the NUL, but no more than `limit`. */
uint32_t units_length(const unit_t *text, uint32_t limit) {
  uint32_t length = 0;
  while (length < limit && text[length] != 0) length++;
  return length;
}

/* A copy of its own, to be freed; cut at the longest path. NULL where there is no memory. */
unit_t *units_copy(const unit_t *text) {
  const uint32_t length = units_length(text, PATH_UNITS - 1);
  unit_t *copy = malloc((length + 1) * sizeof *copy);
  if (!copy) return NULL;
  memcpy(copy, text, length * sizeof *copy);
  copy[length] = 0;
  return copy;
}

static unit_t lower(unit_t unit) { return unit >= 'A' && unit <= 'Z' ? unit + ('a' - 'A') : unit; }

/* Without regard to the case of ASCII letters. */
int units_equal(const unit_t *a, const unit_t *b) {
  while (*a && lower(*a) == lower(*b)) a++, b++;
  return lower(*a) == lower(*b);
}
