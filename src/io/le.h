/* Little-endian numbers in bytes; files are little-endian and so are the machines that map them. */
#ifndef SAGE_IO_LE_H
#define SAGE_IO_LE_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "mapped files are little-endian; this machine is not"
#endif

static inline void sage_put_u32(unsigned char *at, uint32_t value) {
    memcpy(at, &value, sizeof value);
}

static inline void sage_put_u64(unsigned char *at, uint64_t value) {
    memcpy(at, &value, sizeof value);
}

static inline uint32_t sage_get_u32(const unsigned char *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t sage_get_u64(const unsigned char *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

#endif
