/* OneDNN's matmul primitives, each made once a thread and shape, run on the calling thread alone.
 *
 * A primitive takes a tenth of a millisecond and up to a hundred KiB to make, so a thread keeps the latest SLOTS of
 * them. OneDNN keeps compiled ones for all threads as well, a thousand by default, which we think too many. */
#include "gemm_impl.h"

#if SAGE_ONEDNN
#include "gemm_onednn.h"
#include <base/alloc.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 128, SHARED = 256 };

typedef struct key {
    size_t m, n, k, lda, ldb, ldc;
    uint8_t precision, ta, tb, add, packed, pad[3];
} key;

typedef struct slot {
    key key;
    uint64_t used;              /* when last; 0: free */
    dnnl_primitive_t primitive; /* NULL: oneDNN has nothing good for this one */
    dnnl_memory_t a, b, c, scratchpad;
    size_t scratchpad_bytes;
} slot;

struct sage_onednn_cache {
    dnnl_stream_t stream;
    uint64_t clock;
    slot slots[SLOTS];
};

/* ---- one thread ---- */

/* Debian's oneDNN runs on the OpenMP of gcc, others on another's: whichever is loaded is told to use one thread while
 * we are in there. What the host program set for itself stays. */
static int (*omp_max)(void);
static void (*omp_set)(int);

int sage_onednn_enter(void) {
    int before = omp_max != NULL && omp_set != NULL ? omp_max() : 1;
    if (before != 1) omp_set(1);
    return before;
}

void sage_onednn_leave(int before) {
    if (before != 1) omp_set(before);
}

static dnnl_engine_t engine;

dnnl_engine_t sage_onednn_engine(void) {
    return engine;
}

/* ITEMSAGE_ISA holds the library to the same instructions as the ops; without AVX2, SSE 4.1 is its least. */
static void hold_to_isa(void) {
    const char *forced = getenv("ITEMSAGE_ISA"), *isa = sage_isa();
    if (forced == NULL || strcmp(forced, isa) != 0) return;
    if (strcmp(isa, "scalar") == 0) dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
    if (strcmp(isa, "avx2") == 0) dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
}

bool sage_onednn_open(void) {
    *(void **)&omp_max = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    *(void **)&omp_set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    hold_to_isa();
    if (getenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY") == NULL && getenv("DNNL_PRIMITIVE_CACHE_CAPACITY") == NULL)
        dnnl_set_primitive_cache_capacity(SHARED);
    return dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success;
}

/* ---- primitives ---- */

static bool plain_desc(dnnl_memory_desc_t *desc, size_t rows, size_t columns, dnnl_data_type_t type, bool transposed,
                       size_t ld) {
    const dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)columns};
    const dnnl_dims_t strides = {transposed ? 1 : (dnnl_dim_t)ld, transposed ? (dnnl_dim_t)ld : 1};
    return dnnl_memory_desc_init_by_strides(desc, 2, dims, type, strides) == dnnl_success;
}

dnnl_data_type_t sage_onednn_type(sage_precision precision) {
    static const dnnl_data_type_t types[] = {dnnl_f32, dnnl_bf16, dnnl_s8};
    return types[precision];
}

static bool describe(const sage_product *p, dnnl_matmul_desc_t *matmul) {
    dnnl_data_type_t type = sage_onednn_type(p->precision);
    dnnl_memory_desc_t a, b, c;
    if (!plain_desc(&a, p->m, p->k, type, p->ta, p->lda)) return false;
    if (p->packed != NULL)
        b = *sage_packed_desc(p->packed);
    else if (!plain_desc(&b, p->k, p->n, type, p->tb, p->ldb))
        return false;
    if (!plain_desc(&c, p->m, p->n, p->precision == SAGE_PRECISION_INT8 ? dnnl_s32 : dnnl_f32, false, p->ldc))
        return false;
    return dnnl_matmul_desc_init(matmul, &a, &b, NULL, &c) == dnnl_success;
}

/* Scratch is the calling thread's, so that a primitive belongs to none; a sum adds to what C holds. */
static dnnl_primitive_attr_t attributes(bool add) {
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t sum = NULL;
    bool fine = dnnl_primitive_attr_create(&attr) == dnnl_success &&
                dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success;
    if (fine && add)
        fine = dnnl_post_ops_create(&sum) == dnnl_success && dnnl_post_ops_append_sum(sum, 1) == dnnl_success &&
               dnnl_primitive_attr_set_post_ops(attr, sum) == dnnl_success;
    if (sum != NULL) dnnl_post_ops_destroy(sum);
    if (fine) return attr;
    if (attr != NULL) dnnl_primitive_attr_destroy(attr);
    return NULL;
}

const char *sage_onednn_kernel(const_dnnl_primitive_desc_t desc) {
    const char *kernel = NULL;
    dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, (void *)&kernel);
    /* "ref:any", "gemm:ref": plain loops, which are slower than rounding the values and calling a BLAS. */
    return kernel == NULL || strstr(kernel, "ref") != NULL ? NULL : kernel;
}

dnnl_primitive_desc_t sage_onednn_primitive_desc(const dnnl_matmul_desc_t *matmul, bool add) {
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_attr_t attr = attributes(add);
    if (attr == NULL) return NULL;
    if (dnnl_primitive_desc_create(&desc, matmul, attr, engine, NULL) != dnnl_success) desc = NULL;
    dnnl_primitive_attr_destroy(attr);
    if (desc != NULL && sage_onednn_kernel(desc) == NULL) {
        dnnl_primitive_desc_destroy(desc);
        desc = NULL;
    }
    return desc;
}

static bool memory_for(dnnl_memory_t *memory, const_dnnl_primitive_desc_t desc, dnnl_query_t which) {
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(desc, which, 0);
    return md != NULL && dnnl_memory_create(memory, md, engine, NULL) == dnnl_success;
}

static void empty(slot *s) {
    const dnnl_memory_t memories[] = {s->a, s->b, s->c, s->scratchpad};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (memories[i] != NULL) dnnl_memory_destroy(memories[i]);
    if (s->primitive != NULL) dnnl_primitive_destroy(s->primitive);
    memset(s, 0, sizeof *s);
}

/* Fills a slot, with no primitive where oneDNN has nothing good; false where memory is short, perhaps only now. */
static bool make(slot *s, const key *wanted, const sage_product *p) {
    dnnl_matmul_desc_t matmul;
    dnnl_primitive_desc_t desc = describe(p, &matmul) ? sage_onednn_primitive_desc(&matmul, p->add) : NULL;
    empty(s);
    if (desc != NULL) {
        const dnnl_memory_desc_t *scratchpad = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
        s->scratchpad_bytes = dnnl_memory_desc_get_size(scratchpad);
        bool fine = memory_for(&s->a, desc, dnnl_query_src_md) && memory_for(&s->c, desc, dnnl_query_dst_md) &&
                    (p->packed != NULL || memory_for(&s->b, desc, dnnl_query_weights_md)) &&
                    memory_for(&s->scratchpad, desc, dnnl_query_scratchpad_md) &&
                    dnnl_primitive_create(&s->primitive, desc) == dnnl_success;
        dnnl_primitive_desc_destroy(desc);
        if (!fine) {
            empty(s);
            return false;
        }
    }
    s->key = *wanted;
    return true;
}

/* ---- a thread's primitives ---- */

static struct sage_onednn_cache *own_cache(void) {
    sage_gemm_thread *thread = sage_gemm_thread_own();
    if (thread == NULL || thread->cache != NULL) return thread != NULL ? thread->cache : NULL;
    struct sage_onednn_cache *cache = sage_alloc_zero(1, sizeof *cache);
    if (cache != NULL && dnnl_stream_create(&cache->stream, engine, dnnl_stream_default_flags) != dnnl_success) {
        sage_free(cache);
        cache = NULL;
    }
    return thread->cache = cache;
}

void sage_onednn_cache_free(struct sage_onednn_cache *cache) {
    if (cache == NULL) return;
    for (size_t i = 0; i < SLOTS; i++) empty(&cache->slots[i]);
    dnnl_stream_destroy(cache->stream);
    sage_free(cache);
}

static slot *find(struct sage_onednn_cache *cache, const sage_product *p) {
    key wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted = (key){.m = p->m,
                   .n = p->n,
                   .k = p->k,
                   .lda = p->lda,
                   .ldb = p->ldb,
                   .ldc = p->ldc,
                   .precision = (uint8_t)p->precision,
                   .ta = p->ta,
                   .tb = p->tb,
                   .add = p->add,
                   .packed = p->packed != NULL};
    slot *oldest = cache->slots;
    for (slot *s = cache->slots; s < cache->slots + SLOTS; s++) {
        if (s->used != 0 && memcmp(&s->key, &wanted, sizeof wanted) == 0) {
            s->used = ++cache->clock;
            return s;
        }
        if (s->used < oldest->used) oldest = s;
    }
    if (!make(oldest, &wanted, p)) return NULL;
    oldest->used = ++cache->clock;
    return oldest;
}

/* OneDNN takes all memory as its to write; operands it reads only. */
static bool point(dnnl_memory_t memory, const void *at) {
    return dnnl_memory_set_data_handle(memory, (void *)(uintptr_t)at) == dnnl_success;
}

static bool run(struct sage_onednn_cache *cache, const sage_product *p) {
    const slot *s = find(cache, p);
    if (s == NULL || s->primitive == NULL) return false;
    void *scratchpad = sage_gemm_scratch(SAGE_SCRATCH_LIBRARY, s->scratchpad_bytes);
    if (scratchpad == NULL || !point(s->a, p->a) || !point(s->c, p->c) || !point(s->scratchpad, scratchpad) ||
        (p->packed == NULL && !point(s->b, p->b)))
        return false;
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, s->a},
                                    {DNNL_ARG_WEIGHTS, p->packed != NULL ? sage_packed_memory(p->packed) : s->b},
                                    {DNNL_ARG_DST, s->c},
                                    {DNNL_ARG_SCRATCHPAD, s->scratchpad}};
    return dnnl_primitive_execute(s->primitive, cache->stream, 4, args) == dnnl_success &&
           dnnl_stream_wait(cache->stream) == dnnl_success;
}

bool sage_onednn_run(const sage_product *p) {
    struct sage_onednn_cache *cache = own_cache();
    if (cache == NULL) return false;
    int before = sage_onednn_enter();
    bool done = run(cache, p);
    sage_onednn_leave(before);
    return done;
}

bool sage_onednn_product(const sage_product *p) {
    return sage_onednn_name(p->precision) != NULL && sage_onednn_run(p);
}

#else /* ---- built without ---- */

bool sage_onednn_product(const sage_product *p) {
    (void)p;
    return false;
}

void sage_onednn_cache_free(struct sage_onednn_cache *cache) {
    (void)cache;
}

#endif
