#include <base/alloc.h>
#include <base/error.h>
#include <features/picture_batch.h>
#include <string.h>

enum { BATCH = SAGE_PICTURE_BATCH };

static size_t square_of(const sage_picture_encoder *encoder, size_t part) {
    const size_t s = encoder->parts[part].rule->size;
    return 3 * s * s;
}

sage_status sage_picture_batch_init(sage_picture_batch *batch, sage_picture_encoder *encoder, sage_pool *pool,
                                    sage_error *error) {
    const size_t bytes = BATCH * encoder->dim * sizeof *batch->vectors;
    *batch = (sage_picture_batch){.encoder = encoder, .pool = pool};
    batch->workers = sage_alloc_zero(sage_pool_threads(pool), sizeof *batch->workers);
    batch->vectors = sage_alloc(bytes);
    batch->made = sage_alloc(bytes);
    if (batch->workers == NULL || batch->vectors == NULL || batch->made == NULL) return sage_fail_memory(error, bytes);
    for (size_t i = 0; i < encoder->n_parts; i++) {
        const size_t squares = BATCH * square_of(encoder, i) * sizeof **batch->pixels;
        if ((batch->pixels[i] = sage_alloc(squares)) == NULL) return sage_fail_memory(error, squares);
    }
    return SAGE_OK;
}

void sage_picture_batch_free(sage_picture_batch *batch) {
    for (size_t i = 0; batch->workers != NULL && i < sage_pool_threads(batch->pool); i++)
        sage_picture_scratch_free(&batch->workers[i]);
    for (size_t i = 0; i < SAGE_PICTURE_PARTS_MAX; i++) sage_free(batch->pixels[i]);
    sage_free(batch->workers);
    sage_free(batch->vectors);
    sage_free(batch->made);
    *batch = (sage_picture_batch){.n = 0};
}

static void decode(void *ctx, size_t begin, size_t end, size_t worker) {
    sage_picture_batch *b = ctx;
    for (size_t s = begin; s < end; s++) {
        sage_picture_new *one = &b->at[s];
        float *squares[SAGE_PICTURE_PARTS_MAX];
        for (size_t i = 0; i < b->encoder->n_parts; i++)
            squares[i] = one->lacks[i] ? b->pixels[i] + s * square_of(b->encoder, i) : NULL;
        one->error = (sage_error){0};
        one->st = sage_picture_squares(b->encoder, NULL, one->file, &b->workers[worker], squares, &one->error);
    }
}

/* Good squares that lack the part move together; gives which ones they are. */
static size_t close_up(sage_picture_batch *b, size_t part, size_t which[BATCH]) {
    const size_t square = square_of(b->encoder, part);
    float *pixels = b->pixels[part];
    size_t good = 0;
    for (size_t s = 0; s < b->n; s++) {
        if (b->at[s].st != SAGE_OK || !b->at[s].lacks[part]) continue;
        if (good != s) memcpy(pixels + good * square, pixels + s * square, square * sizeof *pixels);
        which[good++] = s;
    }
    return good;
}

static sage_status encode(sage_picture_batch *b, size_t number, uint64_t *computed, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_encoder_part *part = &b->encoder->parts[number];
    size_t which[BATCH] = {0}, good = close_up(b, number, which);
    if (good > 0) SAGE_TRY(sage_picture_encoder_run(b->encoder, number, good, b->pixels[number], b->made, error));
    for (size_t i = 0; i < good; i++) {
        const float *vector = b->made + i * part->dim;
        SAGE_TRY(sage_picture_encoder_check(part, b->at[which[i]].name, vector, error));
        memcpy(b->vectors + which[i] * b->encoder->dim + part->at, vector, part->dim * sizeof *vector);
    }
    *computed += good;
out:
    return st;
}

sage_status sage_picture_batch_run(sage_picture_batch *batch, uint64_t *computed, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pool_for_dynamic(batch->pool, batch->n, 1, decode, batch);
    for (size_t i = 0; i < batch->encoder->n_parts; i++) SAGE_TRY(encode(batch, i, computed, error));
out:
    return st;
}
