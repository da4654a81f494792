/* What a thread keeps between products; freed when it ends. */
#include "gemm_impl.h"
#include <base/alloc.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static _Thread_local sage_gemm_thread *own;

static void forget(void *memory) {
    sage_gemm_thread *thread = memory;
    sage_onednn_cache_free(thread->cache);
    for (size_t i = 0; i < SAGE_SCRATCHES; i++) sage_free(thread->scratch[i]);
    sage_free(thread);
    own = NULL;
}

static void prepare(void) {
    pthread_key_create(&key, forget);
}

sage_gemm_thread *sage_gemm_thread_own(void) {
    if (own != NULL) return own;
    pthread_once(&once, prepare);
    sage_gemm_thread *thread = sage_alloc_zero(1, sizeof *thread);
    if (thread != NULL && pthread_setspecific(key, thread) != 0) {
        sage_free(thread);
        thread = NULL;
    }
    return own = thread;
}

void *sage_gemm_scratch(enum sage_scratch which, size_t bytes) {
    sage_gemm_thread *thread = sage_gemm_thread_own();
    if (thread == NULL) return NULL;
    if (thread->bytes[which] < bytes || thread->scratch[which] == NULL) {
        sage_free(thread->scratch[which]); /* what it held is of no use any more */
        thread->scratch[which] = sage_alloc_aligned(bytes);
        thread->bytes[which] = thread->scratch[which] != NULL ? bytes : 0;
    }
    return thread->scratch[which];
}
