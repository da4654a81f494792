#include <base/alloc.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The two words of state that the header allows: allocations made, and the first one that fails (0 = none). */
static atomic_ulong allocations_made;
static atomic_ulong first_failing;

static int refused(void) {
    unsigned long number = atomic_fetch_add_explicit(&allocations_made, 1, memory_order_relaxed) + 1;
    unsigned long from = atomic_load_explicit(&first_failing, memory_order_relaxed);
    return from != 0 && number >= from;
}

unsigned long sage_alloc_fail_from(unsigned long n) {
    atomic_store_explicit(&first_failing, n, memory_order_relaxed);
    return atomic_exchange_explicit(&allocations_made, 0, memory_order_relaxed);
}

void *sage_alloc(size_t bytes) {
    return refused() ? NULL : malloc(bytes > 0 ? bytes : 1);
}

void *sage_alloc_zero(size_t count, size_t size) {
    size_t bytes;
    if (refused() || __builtin_mul_overflow(count, size, &bytes)) return NULL;
    return bytes == 0 ? calloc(1, 1) : calloc(count, size);
}

void *sage_alloc_aligned(size_t bytes) {
    if (refused() || bytes > SIZE_MAX - 64) return NULL;
    size_t rounded = bytes == 0 ? 64 : (bytes + 63) / 64 * 64;
    return aligned_alloc(64, rounded);
}

void *sage_realloc(void *old, size_t bytes) {
    return refused() ? NULL : realloc(old, bytes > 0 ? bytes : 1);
}

char *sage_strndup(const char *text, size_t bytes) {
    if (bytes == SIZE_MAX) return NULL;
    char *copy = sage_alloc(bytes + 1);
    if (copy == NULL) return NULL;
    if (bytes > 0) memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

char *sage_strdup(const char *text) {
    return sage_strndup(text, strlen(text));
}

void sage_free(void *memory) {
    free(memory);
}

void sage_alloc_trim(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

int sage_grow(void **array, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity && *array != NULL) return 0;
    size_t wanted = *capacity + *capacity / 2;
    if (wanted < *capacity || wanted < need) wanted = need;
    if (wanted < 8 && SIZE_MAX / 8 > size) wanted = 8;
    if (size != 0 && wanted > SIZE_MAX / size) wanted = need;
    if (size != 0 && wanted > SIZE_MAX / size) return -1;
    void *grown = sage_realloc(*array, wanted * size);
    if (grown == NULL) return -1;
    *array = grown;
    *capacity = wanted;
    return 0;
}
