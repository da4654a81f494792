/* What every fuzzer needs: the entry point's shape, a file made of the input, and checks that end the program. */
#ifndef SAGE_FUZZ_FUZZ_H
#define SAGE_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(held)                                                                                               \
    do {                                                                                                               \
        if (!(held)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #held);                                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A file in memory that holds the input; its path is good until the next call. */
static inline const char *fuzz_file(const uint8_t *data, size_t size) {
    static int fd = -1;
    static char path[64];
    if (fd < 0) fd = memfd_create("fuzz", 0);
    FUZZ_CHECK(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

/* Reads every byte, so that the sanitizers look at each. */
static inline void fuzz_touch(const void *data, size_t size) {
    static volatile unsigned char sink;
    unsigned char sum = 0;
    for (size_t i = 0; i < size; i++) sum = (unsigned char)(sum + ((const unsigned char *)data)[i]);
    sink = sum;
    (void)sink;
}

#endif
