#include <base/alloc.h>
#include <base/error.h>
#include <math.h>
#include <pretrained/sentence.h>
#include <pretrained/wordpiece.h>
#include <string.h>

struct sage_sentence_encoder {
    sage_pretrained *network;
    sage_wordpiece *tokenizer;
    sage_pool *pool;
    size_t max_tokens;
    uint32_t *ids; /* of the texts at hand, one after another */
    size_t *begin, *end;
    size_t ids_capacity, begin_capacity, end_capacity;
};

sage_status sage_sentence_encoder_open(const char *dir, sage_precision precision, sage_pool *pool,
                                       sage_sentence_encoder **encoder, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sentence_encoder *e = sage_alloc_zero(1, sizeof *e);
    *encoder = NULL;
    if (e == NULL) return sage_fail_memory(error, sizeof *e);
    e->pool = pool;
    SAGE_TRY(sage_pretrained_open(dir, precision, pool, &e->network, error));
    const sage_pretrained_info *network = sage_pretrained_about(e->network);
    if (!network->texts)
        SAGE_TRY(sage_fail(error, SAGE_E_ARGUMENT, "%s is an encoder of pictures (%s); name one of texts", dir,
                           network->family));
    SAGE_TRY(sage_wordpiece_open(dir, &e->tokenizer, error));
    const sage_wordpiece_info *tokens = sage_wordpiece_about(e->tokenizer);
    if (tokens->vocabulary > network->vocabulary)
        SAGE_TRY(
            sage_fail(error, SAGE_E_FORMAT,
                      "%s: its tokenizer gives ids up to %zu where the encoder knows %zu; take both from one model",
                      dir, tokens->vocabulary - 1, network->vocabulary));
    e->max_tokens = network->max_tokens;
    if (tokens->max_tokens != 0 && tokens->max_tokens < e->max_tokens) e->max_tokens = tokens->max_tokens;
    *encoder = e;
    e = NULL;
out:
    sage_sentence_encoder_free(e);
    return st;
}

void sage_sentence_encoder_free(sage_sentence_encoder *encoder) {
    if (encoder == NULL) return;
    sage_pretrained_free(encoder->network);
    sage_wordpiece_free(encoder->tokenizer);
    sage_free(encoder->ids);
    sage_free(encoder->begin);
    sage_free(encoder->end);
    sage_free(encoder);
}

size_t sage_sentence_encoder_dim(const sage_sentence_encoder *encoder) {
    return sage_pretrained_about(encoder->network)->dim;
}

/* ---- tokens ---- */

/* A text of n bytes has at most n tokens, and two for its ends. */
static size_t most_tokens(const sage_sentence_encoder *e, sage_str text) {
    return text.len < e->max_tokens - 2 ? text.len + 2 : e->max_tokens;
}

typedef struct cutting {
    sage_sentence_encoder *e;
    const sage_str *texts;
} cutting;

/* Each text into a room of its own, of which `end` becomes the part that is used. */
static void cut_texts(void *ctx, size_t begin, size_t end, size_t worker) {
    const cutting *c = ctx;
    sage_sentence_encoder *e = c->e;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        e->end[i] = e->begin[i] + sage_wordpiece_ids(e->tokenizer, c->texts[i].data, c->texts[i].len,
                                                     most_tokens(e, c->texts[i]), e->ids + e->begin[i]);
}

/* Moves the ids together. */
static void close_up(sage_sentence_encoder *e, size_t n) {
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t count = e->end[i] - e->begin[i];
        memmove(e->ids + at, e->ids + e->begin[i], count * sizeof *e->ids);
        e->begin[i] = at;
        at += count;
    }
    e->begin[n] = at;
}

static sage_status cut(sage_sentence_encoder *e, size_t n, const sage_str *texts, sage_error *error) {
    size_t room = 0;
    cutting c = {e, texts};
    if (sage_grow((void **)&e->begin, &e->begin_capacity, n + 1, sizeof *e->begin) != 0 ||
        sage_grow((void **)&e->end, &e->end_capacity, n, sizeof *e->end) != 0)
        return sage_fail_memory(error, 2 * n * sizeof *e->begin);
    for (size_t i = 0; i < n; i++) {
        e->begin[i] = room;
        room += most_tokens(e, texts[i]);
    }
    if (sage_grow((void **)&e->ids, &e->ids_capacity, room, sizeof *e->ids) != 0)
        return sage_fail_memory(error, room * sizeof *e->ids);
    sage_pool_for_dynamic(e->pool, n, 64, cut_texts, &c);
    close_up(e, n);
    return SAGE_OK;
}

sage_status sage_sentence_encoder_run(sage_sentence_encoder *encoder, size_t n, const sage_str *texts, float *out,
                                      sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sentence_encoder *e = encoder;
    size_t dim = sage_sentence_encoder_dim(e);
    SAGE_TRY(cut(e, n, texts, error));
    SAGE_TRY(sage_pretrained_texts(e->network, n, e->ids, e->begin, out, error));
    for (size_t i = 0; i < n * dim; i++)
        if (!isfinite(out[i]))
            SAGE_TRY(sage_fail(error, SAGE_E_FORMAT,
                               "an encoder of texts (%s) gives numbers that are not finite; its weights are damaged",
                               sage_pretrained_about(e->network)->family));
out:
    return st;
}
