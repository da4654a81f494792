#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <dataset/cms.h>

struct sage_cms {
    size_t depth, width; /* width is a power of two */
    uint64_t total;
    uint64_t *salt;  /* [depth] */
    uint32_t *cells; /* [depth][width]; they stay at their maximum once they reach it */
};

sage_status sage_cms_new(size_t depth, size_t width, uint64_t seed, sage_cms **sketch, sage_error *error) {
    *sketch = NULL;
    if (depth == 0 || depth > 64 || width == 0 || (width & (width - 1)) != 0) {
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "a sketch of depth %zu and width %zu: depth is 1 to 64, width a power of two", depth, width);
    }
    sage_cms *s = sage_alloc_zero(1, sizeof *s);
    if (s == NULL) return sage_fail_memory(error, sizeof *s);
    s->depth = depth;
    s->width = width;
    s->salt = sage_alloc(depth * sizeof *s->salt);
    s->cells = sage_alloc_zero(depth * width, sizeof *s->cells);
    if (s->salt == NULL || s->cells == NULL) {
        sage_cms_free(s);
        return sage_fail_memory(error, depth * width * sizeof *s->cells);
    }
    for (size_t d = 0; d < depth; d++) s->salt[d] = sage_mix64(seed + d * UINT64_C(0x9E3779B97F4A7C15) + 1);
    *sketch = s;
    return SAGE_OK;
}

void sage_cms_free(sage_cms *sketch) {
    if (sketch == NULL) return;
    sage_free(sketch->salt);
    sage_free(sketch->cells);
    sage_free(sketch);
}

static uint32_t *cell(const sage_cms *s, size_t d, uint64_t key) {
    return &s->cells[d * s->width + (sage_mix64(key ^ s->salt[d]) & (s->width - 1))];
}

void sage_cms_add(sage_cms *sketch, uint64_t key, uint32_t count) {
    sketch->total += count;
    for (size_t d = 0; d < sketch->depth; d++) {
        uint32_t *at = cell(sketch, d, key);
        *at = count > UINT32_MAX - *at ? UINT32_MAX : *at + count;
    }
}

uint64_t sage_cms_count(const sage_cms *sketch, uint64_t key) {
    uint32_t least = UINT32_MAX;
    for (size_t d = 0; d < sketch->depth; d++) {
        uint32_t count = *cell(sketch, d, key);
        if (count < least) least = count;
    }
    return least;
}

uint64_t sage_cms_total(const sage_cms *sketch) {
    return sketch->total;
}
