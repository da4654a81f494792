/* BERT (Devlin et al. 2019) and DistilBERT (Sanh et al. 2019). */
#include "encoder_impl.h"
#include "stack.h"
#include <string.h>

typedef struct bert {
    stack stack;
    const sage_tensor *words; /* [vocabulary][dim], in the file */
    real *places; /* [max_tokens][dim]: of the position, and of the first kind of segment where there is one */
    norm_part norm;
} bert;

/* Sizes that no encoder comes near; they keep products of them in range. */
enum { DIM_MAX = 1 << 14, LAYERS_MAX = 1 << 10, WIDE_MAX = 1 << 18, VOCABULARY_MAX = 1 << 26, TOKENS_MAX = 1 << 16 };

/* Names of members of config.json. */
typedef struct bert_keys {
    const char *dim, *layers, *heads, *wide, *act;
} bert_keys;

static sage_status read_sizes(const checkpoint *ck, const bert_keys *keys, stack *s, sage_pretrained_info *info,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    const char *act;
    SAGE_TRY(checkpoint_size(ck, ck->config, keys->dim, 0, DIM_MAX, &s->dim, error));
    SAGE_TRY(checkpoint_size(ck, ck->config, keys->layers, 0, LAYERS_MAX, &s->layers, error));
    SAGE_TRY(checkpoint_size(ck, ck->config, keys->heads, 0, DIM_MAX, &s->heads, error));
    SAGE_TRY(checkpoint_size(ck, ck->config, keys->wide, 0, WIDE_MAX, &s->wide, error));
    SAGE_TRY(checkpoint_text(ck, ck->config, keys->act, "gelu", &act, error));
    SAGE_TRY(activation_named(ck, act, &s->act, error));
    SAGE_TRY(checkpoint_size(ck, ck->config, "vocab_size", 0, VOCABULARY_MAX, &info->vocabulary, error));
    SAGE_TRY(checkpoint_size(ck, ck->config, "max_position_embeddings", 512, TOKENS_MAX, &info->max_tokens, error));
    info->dim = s->dim;
    info->layers = s->layers;
out:
    return st;
}

static sage_status read_tables(checkpoint *ck, bert *model, const sage_pretrained_info *info, size_t segments,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    size_t dim = info->dim;
    const real *segment;
    SAGE_TRY(checkpoint_table(ck, "embeddings.word_embeddings.weight", info->vocabulary, dim, &model->words, error));
    SAGE_TRY(checkpoint_keep(ck, "embeddings.position_embeddings.weight",
                             (checkpoint_shape){2, {info->max_tokens, dim}}, &model->places, error));
    if (segments > 0) {
        SAGE_TRY(checkpoint_values(ck, "embeddings.token_type_embeddings.weight",
                                   (checkpoint_shape){2, {segments, dim}}, &segment, error));
        sage_ops_best()->add_row(info->max_tokens, dim, segment, model->places);
    }
    SAGE_TRY(norm_read(ck, "embeddings.LayerNorm", dim, &model->norm, error));
out:
    return st;
}

static sage_status new_model(sage_pretrained *e, bert **model, sage_error *error) {
    e->model = *model = sage_arena_get(e->arena, sizeof **model);
    if (*model == NULL) return sage_fail_memory(error, sizeof **model);
    memset(*model, 0, sizeof **model);
    return SAGE_OK;
}

static sage_status open_bert(sage_pretrained *e, checkpoint *ck, sage_error *error) {
    static const bert_keys keys = {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                                   "hidden_act"};
    static const stack_names names = {.layer = "encoder.layer.",
                                      .q = "attention.self.query",
                                      .k = "attention.self.key",
                                      .v = "attention.self.value",
                                      .out = "attention.output.dense",
                                      .norm1 = "attention.output.LayerNorm",
                                      .up = "intermediate.dense",
                                      .down = "output.dense",
                                      .norm2 = "output.LayerNorm"};
    sage_status st = SAGE_OK;
    bert *model;
    const char *places;
    size_t segments;
    SAGE_TRY(new_model(e, &model, error));
    SAGE_TRY(read_sizes(ck, &keys, &model->stack, &e->info, error));
    SAGE_TRY(checkpoint_share(ck, ck->config, "layer_norm_eps", 1e-12, &model->stack.eps, error));
    SAGE_TRY(checkpoint_size(ck, ck->config, "type_vocab_size", 2, TOKENS_MAX, &segments, error));
    SAGE_TRY(checkpoint_text(ck, ck->config, "position_embedding_type", "absolute", &places, error));
    if (strcmp(places, "absolute") != 0) {
        st = checkpoint_refuse(ck, error, "\"position_embedding_type\" is \"%.40s\"; only absolute ones are read",
                               places);
        goto out;
    }
    if (checkpoint_has(ck, "bert.embeddings.word_embeddings.weight")) ck->base = "bert.";
    SAGE_TRY(read_tables(ck, model, &e->info, segments, error));
    SAGE_TRY(stack_read(ck, &model->stack, &names, error));
    SAGE_TRY(sage_sentence_rule_read(ck, &e->info, error));
out:
    return st;
}

static sage_status open_distilbert(sage_pretrained *e, checkpoint *ck, sage_error *error) {
    static const bert_keys keys = {"dim", "n_layers", "n_heads", "hidden_dim", "activation"};
    static const stack_names names = {.layer = "transformer.layer.",
                                      .q = "attention.q_lin",
                                      .k = "attention.k_lin",
                                      .v = "attention.v_lin",
                                      .out = "attention.out_lin",
                                      .norm1 = "sa_layer_norm",
                                      .up = "ffn.lin1",
                                      .down = "ffn.lin2",
                                      .norm2 = "output_layer_norm"};
    sage_status st = SAGE_OK;
    bert *model;
    SAGE_TRY(new_model(e, &model, error));
    SAGE_TRY(read_sizes(ck, &keys, &model->stack, &e->info, error));
    model->stack.eps = (real)1e-12;
    if (checkpoint_has(ck, "distilbert.embeddings.word_embeddings.weight")) ck->base = "distilbert.";
    SAGE_TRY(read_tables(ck, model, &e->info, 0, error));
    SAGE_TRY(stack_read(ck, &model->stack, &names, error));
    SAGE_TRY(sage_sentence_rule_read(ck, &e->info, error));
out:
    return st;
}

/* ---- encoding ---- */

static size_t work(const sage_pretrained *e, size_t n, size_t longest) {
    const bert *model = e->model;
    return stack_rows(n) * e->info.dim + stack_work(&model->stack, stack_rows(n), longest);
}

static void embed(const sage_pretrained *e, const text_chunk *chunk, real *x) {
    const bert *model = e->model;
    const sage_ops *ops = sage_ops_best();
    size_t dim = e->info.dim, rows = chunk->begin[chunk->n] - chunk->begin[0];
    real *row = x;
    for (size_t i = 0; i < chunk->n; i++)
        for (size_t at = chunk->begin[i]; at < chunk->begin[i + 1]; at++, row += dim) {
            checkpoint_convert(model->words, chunk->ids[at] * dim, dim, row);
            ops->add_row(1, dim, model->places + (at - chunk->begin[i]) * dim, row);
        }
    ops->row_norm(rows, dim, model->stack.eps, NULL, x, model->norm.gain, model->norm.bias, x);
    memset(row, 0, (stack_rows(rows) - rows) * dim * sizeof *row);
}

static void run(const sage_pretrained *e, const text_chunk *chunk, float *out, real *memory) {
    const bert *model = e->model;
    const sage_ops *ops = sage_ops_best();
    size_t dim = e->info.dim;
    bool first = e->info.pooling == SAGE_POOL_CLASS;
    real *x = memory;
    embed(e, chunk, x);
    stack_run(&model->stack, chunk->n, chunk->begin, first, x,
              memory + stack_rows(chunk->begin[chunk->n] - chunk->begin[0]) * dim);
    if (first) memcpy(out, x, chunk->n * dim * sizeof *out);
    for (size_t i = 0; i < chunk->n && !first;
         i++, out += dim) { /* of any length, so that the sum is as good as the mean */
        memset(out, 0, dim * sizeof *out);
        ops->col_sum(chunk->begin[i + 1] - chunk->begin[i], dim, 0, dim, x + (chunk->begin[i] - chunk->begin[0]) * dim,
                     out);
    }
}

const family sage_family_bert = {
    .model_types = {"bert"}, .name = "bert", .texts = true, .open = open_bert, .work = work, .texts_run = run};
const family sage_family_distilbert = {.model_types = {"distilbert"},
                                       .name = "distilbert",
                                       .texts = true,
                                       .open = open_distilbert,
                                       .work = work,
                                       .texts_run = run};
