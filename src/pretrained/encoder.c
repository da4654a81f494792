/* Opening an encoder, whatever its family, and what it says of itself. */
#include "encoder_impl.h"
#include <base/alloc.h>
#include <string.h>

static const family *const families[] = {&sage_family_bert,   &sage_family_distilbert, &sage_family_clip,
                                         &sage_family_siglip, &sage_family_dinov2,     &sage_family_mobilenet};
enum { FAMILIES = sizeof families / sizeof *families, ARENA_BLOCK = 256 * 1024 };

static bool is_of(const family *f, const char *model_type) {
    size_t most = sizeof f->model_types / sizeof *f->model_types;
    for (size_t i = 0; i < most && f->model_types[i] != NULL; i++)
        if (strcmp(f->model_types[i], model_type) == 0) return true;
    return false;
}

static sage_status recognise(const checkpoint *ck, const family **found, sage_error *error) {
    const char *model_type = NULL;
    sage_status st = checkpoint_text(ck, ck->config, "model_type", "", &model_type, error);
    if (st != SAGE_OK) return st;
    for (size_t i = 0; i < FAMILIES; i++)
        if (is_of(families[i], model_type)) {
            *found = families[i];
            return SAGE_OK;
        }
    return checkpoint_refuse(ck, error,
                             "\"model_type\" is \"%.60s\"; encoders of bert, distilbert, clip, siglip, dinov2 and "
                             "mobilenet_v2 are read",
                             model_type);
}

static sage_status open_parts(sage_pretrained *e, checkpoint *ck, const char *dir, sage_error *error) {
    sage_status st = SAGE_OK;
    e->threads = sage_pool_threads(e->pool);
    e->arena = sage_arena_new(ARENA_BLOCK);
    e->work = sage_alloc_zero(e->threads, sizeof *e->work);
    if (e->arena == NULL || e->work == NULL) return sage_fail_memory(error, ARENA_BLOCK);
    ck->arena = e->arena;
    SAGE_TRY(checkpoint_open(ck, dir, error));
    SAGE_TRY(recognise(ck, &e->family, error));
    e->info.family = e->family->name;
    e->info.texts = e->family->texts;
    SAGE_TRY(e->family->open(e, ck, error));
    e->info.parameters = ck->parameters;
    if (e->family->texts) { /* rows of the table of words are read where they lie */
        e->file = ck->file;
        ck->file = NULL;
    }
out:
    return st;
}

sage_status sage_pretrained_open(const char *dir, sage_precision precision, sage_pool *pool, sage_pretrained **encoder,
                                 sage_error *error) {
    *encoder = NULL;
    if (precision != SAGE_PRECISION_F32 && precision != SAGE_PRECISION_BF16)
        return sage_fail(error, SAGE_E_ARGUMENT, "pretrained encoders run in f32 or bf16, not in %s",
                         sage_precision_name(precision));
    sage_pretrained *e = sage_alloc_zero(1, sizeof *e);
    checkpoint *ck = sage_alloc_zero(1, sizeof *ck);
    sage_status st = SAGE_OK;
    if (e == NULL || ck == NULL) {
        sage_free(e);
        sage_free(ck);
        return sage_fail_memory(error, sizeof *e + sizeof *ck);
    }
    pthread_mutex_init(&e->turn, NULL);
    e->pool = pool;
    e->info.precision = ck->precision = precision;
    ck->encoder = e;
    st = open_parts(e, ck, dir, error);
    checkpoint_close(ck);
    sage_free(ck);
    if (st == SAGE_OK)
        *encoder = e;
    else
        sage_pretrained_free(e);
    return st;
}

void sage_pretrained_free(sage_pretrained *e) {
    if (e == NULL) return;
    for (size_t i = 0; i < e->n_matrices; i++) sage_weights_free(e->matrices[i]);
    for (size_t i = 0; e->work != NULL && i < e->threads; i++) sage_free(e->work[i]);
    sage_free(e->work);
    sage_free(e->matrices);
    sage_free(e->begin);
    sage_free(e->text);
    sage_free(e->cut);
    sage_arena_free(e->arena);
    sage_safetensors_close(e->file);
    pthread_mutex_destroy(&e->turn);
    sage_free(e);
}

const sage_pretrained_info *sage_pretrained_about(const sage_pretrained *e) {
    return &e->info;
}

size_t sage_pretrained_bytes(const sage_pretrained *e) {
    size_t bytes = sizeof *e + sage_arena_bytes(e->arena) + e->threads * e->work_reals * sizeof(real);
    for (size_t i = 0; i < e->n_matrices; i++) bytes += sage_weights_bytes(e->matrices[i]);
    return bytes + (e->begin_capacity + e->text_capacity + e->cut_capacity) * sizeof(size_t);
}
