/* What oneDNN can do on this processor, and the layout in which it wants a right operand. */
#include "gemm_impl.h"

#if SAGE_ONEDNN
#include "gemm_onednn.h"
#include <base/alloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct sage_packed {
    dnnl_memory_desc_t desc;
    dnnl_memory_t memory;
    sage_layout layout;
    void *values;
};

/* A product of any number of rows wants the same layout; the choice is asked for with this many. */
enum { ROWS = 128 };

static dnnl_primitive_desc_t free_choice(sage_precision precision, size_t k, size_t n) {
    dnnl_data_type_t type = sage_onednn_type(precision);
    const dnnl_dims_t a_dims = {ROWS, (dnnl_dim_t)k}, b_dims = {(dnnl_dim_t)k, (dnnl_dim_t)n},
                      c_dims = {ROWS, (dnnl_dim_t)n};
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t matmul;
    if (dnnl_memory_desc_init_by_tag(&a, 2, a_dims, type, dnnl_ab) != dnnl_success ||
        dnnl_memory_desc_init_by_tag(&b, 2, b_dims, type, dnnl_format_tag_any) != dnnl_success ||
        dnnl_memory_desc_init_by_tag(&c, 2, c_dims, precision == SAGE_PRECISION_INT8 ? dnnl_s32 : dnnl_f32, dnnl_ab) !=
            dnnl_success ||
        dnnl_matmul_desc_init(&matmul, &a, &b, NULL, &c) != dnnl_success)
        return NULL;
    return sage_onednn_primitive_desc(&matmul, false);
}

/* ---- what there is ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char names[3][96]; /* empty: none */

/* Processors with AVX2 or AVX-512 but without VNNI add pairs of int8 products in 16 bits, and oneDNN lets large ones
 * saturate there. */
static bool int8_is_exact(void) {
    enum { M = 4, N = 64, K = 64, LARGE = 127 };
    static int8_t a[M * K], b[N * K];
    static int32_t c[M * N];
    memset(a, LARGE, sizeof a);
    memset(b, LARGE, sizeof b);
    const sage_product p = {.precision = SAGE_PRECISION_INT8,
                            .tb = true,
                            .m = M,
                            .n = N,
                            .k = K,
                            .lda = K,
                            .ldb = K,
                            .ldc = N,
                            .a = a,
                            .b = b,
                            .c = c};
    if (!sage_onednn_run(&p)) return false;
    for (size_t i = 0; i < M * N; i++)
        if (c[i] != K * LARGE * LARGE) return false;
    return true;
}

static void ask(void) {
    const dnnl_version_t *version = dnnl_version();
    if (version->major != DNNL_VERSION_MAJOR || !sage_onednn_open()) return;
    int before = sage_onednn_enter();
    for (int i = 0; i < 3; i++) {
        dnnl_primitive_desc_t desc = free_choice((sage_precision)i, ROWS, ROWS);
        if (desc == NULL) continue;
        snprintf(names[i], sizeof names[i], "oneDNN %d.%d.%d %s", version->major, version->minor, version->patch,
                 sage_onednn_kernel(desc));
        dnnl_primitive_desc_destroy(desc);
    }
    sage_onednn_leave(before);
    if (names[SAGE_PRECISION_INT8][0] != '\0' && !int8_is_exact()) names[SAGE_PRECISION_INT8][0] = '\0';
}

const char *sage_onednn_name(sage_precision precision) {
    pthread_once(&once, ask);
    return names[precision][0] != '\0' ? names[precision] : NULL;
}

/* ---- the layout ---- */

/* Reads a blocked layout as sage_layout tells it; false for any other. */
static bool read_layout(const dnnl_memory_desc_t *md, size_t size, sage_layout *layout) {
    const dnnl_blocking_desc_t *b = &md->format_desc.blocking;
    size_t unit = sizeof(uint32_t) / size;
    bool summed =
        md->extra.flags == dnnl_memory_extra_flag_compensation_conv_s8s8 && md->extra.compensation_mask == 1 << 1;
    if (md->format_kind != dnnl_blocked || md->ndims != 2 || md->offset0 != 0 ||
        (md->extra.flags != dnnl_memory_extra_flag_none && !summed))
        return false;
    if (b->inner_nblks != (unit == 1 ? 2 : 3) || b->inner_idxs[0] != 0 || b->inner_idxs[1] != 1 ||
        (unit > 1 && (b->inner_idxs[2] != 0 || b->inner_blks[2] != (dnnl_dim_t)unit)))
        return false;
    *layout = (sage_layout){.k_block = (size_t)b->inner_blks[0],
                            .n_block = (size_t)b->inner_blks[1],
                            .k_stride = (size_t)b->strides[0] / unit,
                            .n_stride = (size_t)b->strides[1] / unit,
                            .bytes = dnnl_memory_desc_get_size(md)};
    if (summed) layout->columns_at = (size_t)(md->padded_dims[0] * md->padded_dims[1]) * size;
    return true;
}

sage_packed *sage_packed_new(sage_precision precision, size_t k, size_t n) {
    if (k == 0 || n == 0 || sage_onednn_name(precision) == NULL) return NULL;
    sage_packed *packed = sage_alloc_zero(1, sizeof *packed);
    if (packed == NULL) return NULL;
    int before = sage_onednn_enter();
    bool fine = false;
    dnnl_primitive_desc_t desc = free_choice(precision, k, n);
    if (desc != NULL) {
        packed->desc = *dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0);
        dnnl_primitive_desc_destroy(desc);
        fine = read_layout(&packed->desc, sage_precision_size(precision), &packed->layout) &&
               (packed->values = sage_alloc_aligned(packed->layout.bytes)) != NULL;
        if (fine) sage_huge_pages(packed->values, packed->layout.bytes);
        if (fine) memset(packed->values, 0, packed->layout.bytes);
        fine = fine &&
               dnnl_memory_create(&packed->memory, &packed->desc, sage_onednn_engine(), packed->values) == dnnl_success;
    }
    sage_onednn_leave(before);
    if (fine) return packed;
    sage_packed_free(packed);
    return NULL;
}

void sage_packed_free(sage_packed *packed) {
    if (packed == NULL) return;
    if (packed->memory != NULL) dnnl_memory_destroy(packed->memory);
    sage_free(packed->values);
    sage_free(packed);
}

const sage_layout *sage_packed_layout(const sage_packed *packed) {
    return &packed->layout;
}

void *sage_packed_values(const sage_packed *packed) {
    return packed->values;
}

const dnnl_memory_desc_t *sage_packed_desc(const sage_packed *packed) {
    return &packed->desc;
}

dnnl_memory_t sage_packed_memory(const sage_packed *packed) {
    return packed->memory;
}

#else /* ---- built without ---- */

const char *sage_onednn_name(sage_precision precision) {
    (void)precision;
    return NULL;
}

sage_packed *sage_packed_new(sage_precision precision, size_t k, size_t n) {
    (void)precision;
    (void)k;
    (void)n;
    return NULL;
}

void sage_packed_free(sage_packed *packed) {
    (void)packed;
}

const sage_layout *sage_packed_layout(const sage_packed *packed) {
    (void)packed;
    return NULL;
}

void *sage_packed_values(const sage_packed *packed) {
    (void)packed;
    return NULL;
}

#endif
