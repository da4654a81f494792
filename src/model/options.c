/* The room's options, and the shape they give. */
#include <base/error.h>
#include <model/model.h>
#include <string.h>

const sage_option sage_model_options[] = {
    {"model", "preset", SAGE_OPT_CHOICE, 0, 0, "auto|small|paper", "auto",
     "Sizes of the model; auto takes small, or paper where the vocabulary has more than a million n-grams."},
    {"model", "init", SAGE_OPT_CHOICE, 0, 0, "tfidf|paper", "tfidf",
     "How parameters start: as a tf-idf search of the catalogue, or at random as in the paper."},
    {"model", "token_init", SAGE_OPT_CHOICE, 0, 0, "knn|random", "knn",
     "How products' own tokens start: products near each other that the same users dealt with, or at random, as always "
     "with init=paper and in a hashed table."},
    {"model", "given_init", SAGE_OPT_CHOICE, 0, 0, "ridge|random", "ridge",
     "How n-grams start where search texts have vectors of the shop's own: so that texts lie where those vectors do, "
     "or "
     "at random, as always with init=paper."},
    {"model", "init_word", SAGE_OPT_REAL, 0, 100, NULL, "1.0",
     "Factor of a word's idf in its first importance weight."},
    {"model", "init_bigram", SAGE_OPT_REAL, 0, 100, NULL, "0.7",
     "Factor of a word bigram's idf in its first importance weight."},
    {"model", "init_trigram", SAGE_OPT_REAL, 0, 100, NULL, "0.35",
     "Factor of a letter trigram's idf in its first importance weight."},
    {"model", "sentence_path", SAGE_OPT_CHOICE, 0, 0, "beside|fixed|learned", "beside",
     "With a text_encoder, where sentence vectors go: beside the model's own in what is published, so that both "
     "cosines add up; or into the model as tokens, through projections that stay as they begin (fixed) or learn."},
    {"model", "sentence_weight", SAGE_OPT_REAL, 0.01, 100, NULL, "auto",
     "How long a sentence vector is where that of the n-grams is 1, in products and in search texts, so that its "
     "cosine counts with the square; as tokens, how long at first. auto is 0.7 beside, and 1 as tokens."},
    {"model", "dim_embed", SAGE_OPT_INT, 1, 8192, NULL, "auto", "Width of a table row and of a text token."},
    {"model", "dim_model", SAGE_OPT_INT, 1, 8192, NULL, "auto", "Width of the encoder."},
    {"model", "heads", SAGE_OPT_INT, 1, SAGE_MODEL_HEADS_MAX, NULL, "auto",
     "Attention heads; they must divide dim_model."},
    {"model", "dim_ff", SAGE_OPT_INT, 1, 65536, NULL, "auto", "Width of the encoder's feed-forward layer."},
    {"model", "dim_head", SAGE_OPT_INT, 1, 65536, NULL, "auto",
     "Width of the hidden layer of the product head and of the search tower."},
    {"model", "dim_out", SAGE_OPT_INT, 1, 8192, NULL, "auto", "Width of the product and query vectors."},
    {"model", "table_rows", SAGE_OPT_INT, 1, 1e9, NULL, "auto",
     "Rows of the n-gram table; a larger vocabulary is hashed into it twice, a smaller one gets a row for each "
     "n-gram."},
    {"model", "text_norm", SAGE_OPT_BOOL, 0, 0, NULL, "on",
     "Layer norm of each text token; off takes the plain sum of its n-grams' rows, as an ablation."},
    {"model", "head_skip", SAGE_OPT_CHOICE, 0, 0, "auto|on|off", "auto",
     "Linear skip beside the product head's MLP; auto leaves it out with preset=paper, as the paper does."},
    {"model", "encoder", SAGE_OPT_CHOICE, 0, 0, "transformer|sum|sum_mlp|concat_mlp", "transformer",
     "What makes one vector of a product's tokens; all but the transformer are there to be compared with it: their "
     "mean "
     "by learned weights through a linear layer (sum) or the product head (sum_mlp), or all kinds of token side by "
     "side "
     "through the head (concat_mlp)."},
    {"model", "encoder_layers", SAGE_OPT_INT, 1, SAGE_ENCODER_LAYERS_MAX, NULL, "1",
     "Layers of the transformer. More than one are there to be compared with it: all but the last then read and write "
     "every token, which costs many times as much as the one layer, of which only the outcome is computed."},
    {"model", "inputs", SAGE_OPT_CHOICE, 0, 0, "all|text|pictures", "all",
     "What of products the model reads, as an ablation: texts (n-grams and sentences), pictures, or both; a product's "
     "own token (product_token) is neither and stays, and so do queries."},
    {"model", "user_dim", SAGE_OPT_INT, 1, 8192, NULL, "auto",
     "Width of the tower that reads what a user did; auto is 64, and 256 with preset=paper."},
    {"model", "user_layers", SAGE_OPT_INT, 1, SAGE_USER_LAYERS_MAX, NULL, "auto",
     "Transformer layers of that tower; auto is 1, and 2 with preset=paper."},
    {"model", "user_heads", SAGE_OPT_INT, 1, SAGE_MODEL_HEADS_MAX, NULL, "auto",
     "Attention heads of that tower; they must divide user_dim; auto is 4."},
    {NULL, NULL, SAGE_OPT_TEXT, 0, 0, NULL, NULL, NULL}};

/* Beyond this many n-grams a catalogue is a large one. */
enum { SMALL_VOCAB = 1000000 };
static const double AUTO_BESIDE = 0.7; /* weight of sentences: measured, docs/results.md */

static const sage_model_shape preset_small = {
    .rows = 262144, .dim_embed = 256, .dim_model = 256, .heads = 8, .dim_ff = 512, .dim_head = 512, .dim_out = 256};
static const sage_model_shape preset_paper = {
    .rows = 100000, .dim_embed = 256, .dim_model = 512, .heads = 8, .dim_ff = 2048, .dim_head = 1024, .dim_out = 256};

/* The preset by name: a large catalogue takes the paper's sizes of itself, but keeps the skip. */
static bool plain_head(const sage_options *options) {
    const char *skip = sage_options_text(options, "head_skip");
    bool paper = strcmp(sage_options_text(options, "preset"), "paper") == 0;
    return strcmp(skip, "off") == 0 || (strcmp(skip, "auto") == 0 && paper);
}

static sage_inputs inputs_of(const sage_options *options) {
    const char *name = sage_options_text(options, "inputs");
    return strcmp(name, "text") == 0       ? SAGE_INPUTS_TEXT
           : strcmp(name, "pictures") == 0 ? SAGE_INPUTS_PICTURES
                                           : SAGE_INPUTS_ALL;
}

static size_t size_or(const sage_options *options, const char *key, size_t otherwise) {
    return (size_t)sage_options_int_or(options, key, (int64_t)otherwise);
}

static sage_encoder_kind encoder_of(const sage_options *options) {
    const char *name = sage_options_text(options, "encoder");
    return strcmp(name, "sum") == 0          ? SAGE_ENCODER_SUM
           : strcmp(name, "sum_mlp") == 0    ? SAGE_ENCODER_SUM_MLP
           : strcmp(name, "concat_mlp") == 0 ? SAGE_ENCODER_CONCAT_MLP
                                             : SAGE_ENCODER_TRANSFORMER;
}

/* What the encoder does not have is left out of the shape. */
static sage_status choose_encoder(const sage_options *options, sage_model_shape *s, sage_error *error) {
    s->encoder = encoder_of(options);
    s->lower = size_or(options, "encoder_layers", 1) - 1;
    if (s->encoder == SAGE_ENCODER_TRANSFORMER) return SAGE_OK;
    if (s->lower > 0)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "option encoder_layers = %zu, but encoder = %s has no layers; leave one of the two out",
                         s->lower + 1, sage_options_text(options, "encoder"));
    s->heads = 1;
    s->dim_ff = 0;
    if (s->encoder == SAGE_ENCODER_CONCAT_MLP) s->dim_model = 0;
    if (s->encoder != SAGE_ENCODER_SUM) return SAGE_OK;
    s->plain_head = false; /* of itself, with the paper's preset */
    if (strcmp(sage_options_text(options, "head_skip"), "off") != 0) return SAGE_OK;
    return sage_fail(error, SAGE_E_ARGUMENT,
                     "option head_skip = off, but with encoder = sum the skip is all there is; set encoder=sum_mlp, or "
                     "leave head_skip to the program");
}

static bool large(const sage_options *options, size_t vocab_size) {
    const char *preset = sage_options_text(options, "preset");
    return strcmp(preset, "paper") == 0 || (strcmp(preset, "auto") == 0 && vocab_size > SMALL_VOCAB);
}

static double beside(const sage_options *options) {
    double weight = sage_options_real_or(options, "sentence_weight", AUTO_BESIDE);
    return strcmp(sage_options_text(options, "sentence_path"), "beside") == 0 ? weight * weight : 0;
}

void sage_model_shape_tokens(sage_model_shape *shape, size_t tokens) {
    shape->tokens = tokens;
    if (shape->hashes == 1 && tokens > 0) shape->rows = sage_shape_ids(shape);
}

sage_status sage_model_shape_from_options(const sage_options *options, size_t vocab_size, size_t n_groups,
                                          const sage_group *groups, sage_model_shape *shape, sage_error *error) {
    sage_model_shape s = large(options, vocab_size) ? preset_paper : preset_small;
    s.dim_embed = size_or(options, "dim_embed", s.dim_embed);
    s.dim_model = size_or(options, "dim_model", s.dim_model);
    s.heads = size_or(options, "heads", s.heads);
    s.dim_ff = size_or(options, "dim_ff", s.dim_ff);
    s.dim_head = size_or(options, "dim_head", s.dim_head);
    s.dim_out = size_or(options, "dim_out", s.dim_out);
    s.rows = size_or(options, "table_rows", s.rows);
    s.vocab = vocab_size;
    s.n_groups = n_groups;
    for (size_t g = 0; g < n_groups && g < SAGE_GROUPS_MAX; g++) s.groups[g] = groups[g];
    s.beside = sage_shape_dim(&s, SAGE_GROUP_SENTENCES) > 0 ? beside(options) : 0;
    s.plain_text = !sage_options_bool(options, "text_norm");
    s.plain_head = plain_head(options);
    s.inputs = inputs_of(options);
    sage_status st = choose_encoder(options, &s, error);
    if (st != SAGE_OK) return st;
    s.hashes = s.rows >= vocab_size ? 1 : SAGE_MODEL_HASHES_MAX;
    if (s.hashes == 1) s.rows = vocab_size > 0 ? vocab_size : 1;
    if (s.dim_model % s.heads != 0)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "option heads = %zu does not divide dim_model = %zu; choose another of the two", s.heads,
                         s.dim_model);
    if (s.inputs == SAGE_INPUTS_PICTURES && sage_shape_dim(&s, SAGE_GROUP_PICTURES) == 0)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "option inputs = pictures, but the dataset has no picture vectors; import images and build it "
                         "again, or set inputs=all");
    *shape = s;
    return SAGE_OK;
}

sage_status sage_model_shape_towers(const sage_options *options, bool products, size_t user_events,
                                    sage_model_shape *shape, sage_error *error) {
    bool paper = large(options, shape->vocab);
    shape->product_tower = products;
    shape->user_events = user_events;
    shape->user_dim = shape->user_layers = shape->user_heads = 0;
    if (user_events == 0) return SAGE_OK;
    shape->user_dim = size_or(options, "user_dim", paper ? 256 : 64);
    shape->user_layers = size_or(options, "user_layers", paper ? 2 : 1);
    shape->user_heads = size_or(options, "user_heads", 4);
    if (shape->user_dim % shape->user_heads == 0) return SAGE_OK;
    return sage_fail(error, SAGE_E_ARGUMENT,
                     "option user_heads = %zu does not divide user_dim = %zu; choose another of the two",
                     shape->user_heads, shape->user_dim);
}
