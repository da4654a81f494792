/* First values of the parameters.
 *
 * tfidf: untrained, a product's vector is the mean of its tokens, a token the idf-weighted sum of random rows, and a
 * query likewise: two texts are as near as their tf-idf vectors are, up to random projection. W_V, W_O, the projections
 * and the skips are the identity, all second layers zero (a head without skip is the identity as a whole); attention
 * is spread by the score biases alone, since g_h is small. A sentence vector comes in on both sides by one and the same
 * random projection, so that it compares as the encoder means it; a picture is searched for by the projection of the
 * products' pictures. paper: Xavier for matrices and the table, N(0, 1) for the
 * importance weights. */
#include "concat.h"
#include "deep.h"
#include "user.h"
#include <base/rng.h>
#include <math.h>
#include <string.h>

static void fill(real *x, size_t n, double value) {
    for (size_t i = 0; i < n; i++) x[i] = (real)value;
}

static void normal(real *x, size_t n, double deviation, sage_rng *rng) {
    for (size_t i = 0; i < n; i++) x[i] = (real)(deviation * sage_rng_normal(rng));
}

/* Glorot and Bengio 2010: uniform within sqrt(6 / (rows + cols)). */
static double xavier_bound(size_t rows, size_t cols) {
    return sqrt(6.0 / (double)(rows + cols));
}

static void uniform(real *x, size_t n, double bound, sage_rng *rng) {
    for (size_t i = 0; i < n; i++) x[i] = (real)(bound * (2.0 * sage_rng_unit(rng) - 1.0));
}

static void xavier(real *x, size_t rows, size_t cols, sage_rng *rng) {
    uniform(x, rows * cols, xavier_bound(rows, cols), rng);
}

/* The table row by row, so that a seed means the same values however they lie in memory. */
static void fill_table(sage_model *model, void (*fill_values)(real *, size_t, double, sage_rng *), double spread,
                       sage_rng *rng) {
    const sage_model_shape *s = &model->shape;
    for (size_t row = 0; row < s->rows; row++)
        for (size_t slab = 0; slab < sage_slabs(s->dim_embed); slab++)
            fill_values(model->table + sage_slab_at(s->rows, s->dim_embed, row, slab * SAGE_SLAB),
                        sage_slab_width(s->dim_embed, slab), spread, rng);
}

/* The first `cols` of `ld` columns. */
static void identity(real *x, size_t rows, size_t cols, size_t ld) {
    for (size_t i = 0; i < rows && i < cols; i++) x[i * ld + i] = 1;
}

static void fill_norms(sage_model *model) {
    const sage_model_shape *s = &model->shape;
    fill(par(model, P_TEXT_GAIN), s->dim_embed, 1);
    if (has(model, P_NORM1_GAIN)) fill(par(model, P_NORM1_GAIN), s->dim_model, 1);
    if (has(model, P_NORM2_GAIN)) fill(par(model, P_NORM2_GAIN), s->dim_model, 1);
    *par(model, P_TEMPERATURE) = (real)-log(0.07);
}

static void fill_score_bias(sage_model *model) {
    const sage_model_shape *s = &model->shape;
    size_t kinds = kinds_of(s);
    for (size_t i = 0; has(model, P_SCORE_BIAS) && i < s->heads * kinds; i++)
        par(model, P_SCORE_BIAS)[i] = (real)log(start_weight(s, i % kinds));
}

/* A token is a bag of one id, which counts as it is. */
static void fill_tokens(sage_model *model) {
    const sage_model_shape *s = &model->shape;
    fill(model->importance + s->vocab * s->hashes, s->tokens * s->hashes, 1 / sqrt((double)s->hashes));
}

/* n-grams that few products have count most: idf = log(1 + N / df), by kind. */
static void fill_importance(sage_model *model, const sage_options *options, const sage_vocab *vocab) {
    static const char *const keys[SAGE_NGRAM_KINDS] = {"init_word", "init_bigram", "init_trigram"};
    size_t hashes = model->shape.hashes;
    double documents = (double)sage_vocab_documents(vocab);
    for (int kind = 0; kind < SAGE_NGRAM_KINDS; kind++) {
        double factor = sage_options_real(options, keys[kind]) / sqrt((double)hashes);
        size_t end = sage_vocab_begin(vocab, (sage_ngram_kind)(kind + 1));
        for (size_t id = sage_vocab_begin(vocab, (sage_ngram_kind)kind); id < end && id < model->shape.vocab; id++) {
            uint32_t df = sage_vocab_df(vocab, (uint32_t)id);
            fill(model->importance + id * hashes, hashes, factor * log(1 + documents / (df > 0 ? df : 1)));
        }
    }
}

/* An MLP can be the identity, since gelu(x) - gelu(-x) = x: two hidden units a column, as far as they go. */
static void fill_plain_head(sage_model *model) {
    const sage_model_shape *s = &model->shape;
    size_t d = s->dim_model, m = s->dim_head;
    real *w1 = par(model, P_HEAD1_W), *w2 = par(model, P_HEAD2_W);
    for (size_t i = 0; i < s->dim_out && i < d && 2 * i + 1 < m; i++) {
        memset(w1 + 2 * i * d, 0, 2 * d * sizeof *w1);
        w1[2 * i * d + i] = w2[i * m + 2 * i] = 1;
        w1[(2 * i + 1) * d + i] = w2[i * m + 2 * i + 1] = -1;
    }
}

/* As long as the layer norm makes a bag, times the weight; in the rows that both sides have. A random projection keeps
 * lengths and angles about as they are (Johnson and Lindenstrauss 1984). Where there are rows that bags do not fill,
 * sentences have those to themselves, so that the two do not disturb each other. */
static void fill_sentences(sage_model *model, double weight, sage_rng *rng) {
    const sage_model_shape *s = &model->shape;
    size_t at = s->dim_embed, width = tower_width(s, TOWER_SEARCH);
    for (size_t g = 0; g < token_groups(s); g++) {
        size_t dim = s->groups[g].dim;
        if (s->groups[g].kind != SAGE_GROUP_SENTENCES) continue;
        start_rows its = start_of_group(model, g);
        size_t rows = s->dim_out < its.rows ? s->dim_out : its.rows, first = rows > s->dim_embed ? s->dim_embed : 0;
        double deviation = weight * sqrt((double)s->dim_embed / (double)(rows - first));
        for (size_t i = first; i < rows; i++) {
            normal(its.of + i * its.ld, dim, deviation, rng);
            memcpy(par(model, P_SEARCH_SKIP) + i * width + at, its.of + i * its.ld, dim * sizeof(real));
            sage_ops_best()->scale(dim, its.share, its.of + i * its.ld);
        }
        at += dim;
    }
}

/* Sentences that stand beside begin as their encoder means them. */
static void fill_map(sage_model *model) {
    size_t width = beside_width(&model->shape);
    if (has(model, P_SENTENCE_MAP)) identity(par(model, P_SENTENCE_MAP), width, width, width);
}

void model_init_pictures(sage_model *model, sage_rng *rng) {
    const sage_model_shape *s = &model->shape;
    size_t width = tower_width(s, TOWER_PICTURE), at = 0;
    if (width == 0) return;
    for (size_t g = 0; g < s->n_groups && s->groups[g].kind == SAGE_GROUP_PICTURES; at += s->groups[g++].dim) {
        start_rows its = start_of_group(model, g);
        for (size_t i = 0; i < its.rows && i < s->dim_out; i++) {
            real *row = par(model, P_PICTURE_SKIP) + i * width + at;
            memcpy(row, its.of + i * its.ld, s->groups[g].dim * sizeof(real));
            sage_ops_best()->scale(s->groups[g].dim, 1 / its.share, row);
        }
    }
    xavier(par(model, P_PICTURE1_W), s->dim_head, width, rng);
}

/* A product that is looked at asks for what lies near it, until there is better. From a stream of its own: a model
 * without starts as it always did. */
static void fill_product_tower(sage_model *model, uint64_t seed) {
    const sage_model_shape *s = &model->shape;
    sage_rng rng;
    if (!s->product_tower) return;
    sage_rng_seed(&rng, seed, 4);
    identity(par(model, P_PRODUCT_SKIP), s->dim_out, s->dim_out, s->dim_out);
    xavier(par(model, P_PRODUCT1_W), s->dim_head, s->dim_out, &rng);
}

/* Projections, attention, feed-forward and head, as far as there are such. */
static void tfidf_encoder(sage_model *model, sage_rng *rng) {
    const sage_model_shape *s = &model->shape;
    const double small = 0.02;
    size_t d = s->dim_model;
    identity(par(model, P_TEXT_PROJ), d, s->dim_embed, s->dim_embed);
    if (has(model, P_HEAD_SKIP)) identity(par(model, P_HEAD_SKIP), s->dim_out, d, d);
    for (size_t g = 0; g < s->n_groups; g++)
        if (s->groups[g].kind == SAGE_GROUP_PICTURES) xavier(par(model, group_proj(g)), d, s->groups[g].dim, rng);
    normal(par(model, P_CLS), d, small, rng);
    if (!is_pooled(s)) {
        identity(par(model, P_WV), d, d, d);
        identity(par(model, P_WO), d, d, d);
        normal(par(model, P_WQ), d * d, small, rng);
        normal(par(model, P_WK), d * d, small, rng);
        normal(par(model, P_BQ), d, small, rng);
        xavier(par(model, P_FF1_W), s->dim_ff, d, rng);
    }
    if (has(model, P_HEAD1_W)) xavier(par(model, P_HEAD1_W), s->dim_head, d, rng);
    if (!has(model, P_HEAD_SKIP)) fill_plain_head(model);
    deep_init_tfidf(model, rng);
}

/* Here the head is all that there is. */
static void tfidf_concat(sage_model *model, sage_rng *rng) {
    const sage_model_shape *s = &model->shape;
    xavier(par(model, P_HEAD1_W), s->dim_head, head_width(s), rng);
    concat_start(model, rng);
    for (size_t g = 0; g < s->n_groups; g++) {
        if (s->groups[g].kind != SAGE_GROUP_PICTURES) continue;
        start_rows its = start_of_group(model, g);
        double bound = xavier_bound(s->dim_out, s->groups[g].dim) * (double)its.share;
        for (size_t i = 0; i < its.rows; i++) uniform(its.of + i * its.ld, s->groups[g].dim, bound, rng);
    }
}

void model_init_tfidf(sage_model *model, const sage_options *options, const sage_vocab *vocab, uint64_t seed) {
    const sage_model_shape *s = &model->shape;
    sage_rng rng;
    sage_rng_seed(&rng, seed, 1);
    fill_norms(model);
    fill_score_bias(model);
    fill_importance(model, options, vocab);
    fill_tokens(model);
    identity(par(model, P_SEARCH_SKIP), s->dim_out, s->dim_embed, tower_width(s, TOWER_SEARCH));
    if (is_concat(s))
        tfidf_concat(model, &rng);
    else
        tfidf_encoder(model, &rng);
    xavier(par(model, P_SEARCH1_W), s->dim_head, tower_width(s, TOWER_SEARCH), &rng);
    for (size_t i = 0; i < s->dim_head; i++) /* of sentences the skip alone */
        memset(par(model, P_SEARCH1_W) + i * tower_width(s, TOWER_SEARCH) + s->dim_embed, 0,
               (tower_width(s, TOWER_SEARCH) - s->dim_embed) * sizeof(real));
    fill_map(model);
    fill_sentences(model, sage_options_real_or(options, "sentence_weight", 1), &rng);
    model_init_pictures(model, &rng);
    if (is_concat(s) && !has(model, P_HEAD_SKIP)) concat_start_units(model);
    fill_product_tower(model, seed);
    user_init(model, seed);
    sage_rng_seed(&rng, seed, 2);
    fill_table(model, normal, 1 / sqrt((double)s->dim_embed), &rng);
}

static void paper_tower(sage_model *model, tower_id tower, sage_rng *rng) {
    const sage_model_shape *s = &model->shape;
    const tower_params its = tower_params_of(tower);
    size_t width = tower_width(s, tower);
    if (width == 0) return;
    xavier(par(model, its.skip), s->dim_out, width, rng);
    xavier(par(model, its.w1), s->dim_head, width, rng);
    xavier(par(model, its.w2), s->dim_out, s->dim_head, rng);
}

static void paper_tokens(sage_model *model, sage_rng *rng) {
    const sage_model_shape *s = &model->shape;
    size_t d = s->dim_model;
    xavier(par(model, P_TEXT_PROJ), d, s->dim_embed, rng);
    for (size_t g = 0; g < token_groups(s); g++) xavier(par(model, group_proj(g)), d, s->groups[g].dim, rng);
    normal(par(model, P_FIELD_BIAS), SAGE_FIELDS * d, 0.02, rng);
    if (has(model, P_TOKEN_BIAS)) normal(par(model, P_TOKEN_BIAS), d, 0.02, rng);
    normal(par(model, P_CLS), d, 1, rng);
}

static void paper_matrix(sage_model *model, param_id id, sage_rng *rng) {
    for (size_t i = 0; i < model->n_params && has(model, id); i++) {
        const sage_param *p = &model->params[i];
        if (p->offset == model->at[id]) xavier(model->dense + p->offset, p->rows, p->cols, rng);
    }
}

void model_init_paper(sage_model *model, uint64_t seed) {
    const sage_model_shape *s = &model->shape;
    static const param_id matrices[] = {P_WQ, P_WK, P_WV, P_WO, P_FF1_W, P_FF2_W, P_HEAD_SKIP, P_HEAD1_W, P_HEAD2_W};
    sage_rng rng;
    sage_rng_seed(&rng, seed, 1);
    fill_norms(model);
    fill_map(model);
    if (!is_concat(s)) paper_tokens(model, &rng);
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) paper_matrix(model, matrices[i], &rng);
    deep_init_paper(model, &rng);
    paper_tower(model, TOWER_SEARCH, &rng);
    normal(model->importance, s->vocab * s->hashes, 1, &rng);
    fill_tokens(model);
    paper_tower(model, TOWER_PICTURE, &rng);
    fill_product_tower(model, seed);
    user_init(model, seed);
    sage_rng_seed(&rng, seed, 2);
    fill_table(model, uniform, xavier_bound(s->rows, s->dim_embed), &rng);
}
