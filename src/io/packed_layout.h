/* Where things lie in a packed file; shared by its writer and its reader. */
#ifndef SAGE_IO_PACKED_LAYOUT_H
#define SAGE_IO_PACKED_LAYOUT_H

#include <io/packed.h>

enum {
    AT_VERSION = 8,
    AT_COUNT = 12,
    AT_FILE_BYTES = 16,
    AT_TABLE = 24,
    ROW_NAME = 0,
    ROW_OFFSET = 24,
    ROW_BYTES = 32,
    ROW_ELEMENT = 40,
    ROW_ZERO = 44,
    ROW_CHECKSUM = 48,
    ROW_SIZE = 56,
    ALIGNMENT = 64,
    HEADER_MAX = AT_TABLE + SAGE_PACKED_SECTIONS_MAX * ROW_SIZE + 8
};

static inline uint64_t sage_packed_align(uint64_t at) {
    return (at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

#endif
