/* The shape and the hash functions as a file's metadata, and back. */
#include "impl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const model_group_names[2] = {"pictures", "sentences"};
const char *const model_encoder_names[] = {"transformer", "sum", "sum_mlp", "concat_mlp", NULL};
const char *const model_inputs_names[] = {"all", "text", "pictures", NULL};

static void describe(sage_model *model, const char *key, size_t value) {
    snprintf(model->meta_text[model->n_meta], META_BYTES, "%zu", value);
    model->meta[model->n_meta] = (sage_tensor_meta){key, model->meta_text[model->n_meta]};
    model->n_meta++;
}

/* "pictures:1280 sentences:384"; META_BYTES hold the longest. */
static void describe_groups(sage_model *model) {
    char *text = model->meta_text[model->n_meta];
    size_t at = 0;
    text[0] = '\0';
    for (size_t g = 0; g < model->shape.n_groups; g++)
        at += (size_t)snprintf(text + at, META_BYTES - at, "%s%s:%zu", g > 0 ? " " : "",
                               model_group_names[model->shape.groups[g].kind], model->shape.groups[g].dim);
    model->meta[model->n_meta++] = (sage_tensor_meta){"groups", text};
}

void model_describe(sage_model *model) {
    static const char *const hash_keys[SAGE_MODEL_HASHES_MAX][2] = {{"hash_a1", "hash_b1"}, {"hash_a2", "hash_b2"}};
    const sage_model_shape *s = &model->shape;
    model->n_meta = 0;
    model->meta[model->n_meta++] = (sage_tensor_meta){"format", "itemsage-model-1"};
    describe(model, "vocab", s->vocab);
    describe(model, "rows", s->rows);
    describe(model, "hashes", s->hashes);
    describe(model, "dim_embed", s->dim_embed);
    describe(model, "dim_model", s->dim_model);
    describe(model, "heads", s->heads);
    describe(model, "dim_ff", s->dim_ff);
    describe(model, "dim_head", s->dim_head);
    describe(model, "dim_out", s->dim_out);
    describe_groups(model);
    if (s->beside > 0) {
        snprintf(model->meta_text[model->n_meta], META_BYTES, "%.9g", s->beside);
        model->meta[model->n_meta] = (sage_tensor_meta){"sentences_beside", model->meta_text[model->n_meta]};
        model->n_meta++;
    }
    if (s->product_tower) model->meta[model->n_meta++] = (sage_tensor_meta){"product_tower", "on"};
    if (s->user_events > 0) {
        describe(model, "user_events", s->user_events);
        describe(model, "user_dim", s->user_dim);
        describe(model, "user_layers", s->user_layers);
        describe(model, "user_heads", s->user_heads);
    }
    if (s->tokens > 0) describe(model, "tokens", s->tokens);
    if (s->plain_text) model->meta[model->n_meta++] = (sage_tensor_meta){"text_norm", "off"};
    if (s->plain_head) model->meta[model->n_meta++] = (sage_tensor_meta){"head_skip", "off"};
    if (is_pooled(s)) model->meta[model->n_meta++] = (sage_tensor_meta){"encoder", model_encoder_names[s->encoder]};
    if (s->lower > 0) describe(model, "encoder_layers", s->lower + 1);
    if (s->inputs != SAGE_INPUTS_ALL)
        model->meta[model->n_meta++] = (sage_tensor_meta){"inputs", model_inputs_names[s->inputs]};
    for (size_t k = 0; s->hashes > 1 && k < s->hashes; k++) {
        describe(model, hash_keys[k][0], model->hash[k].a);
        describe(model, hash_keys[k][1], model->hash[k].b);
    }
}

sage_status model_read_number(const sage_safetensors *file, const char *path, const char *key, uint64_t *value,
                              sage_error *error) {
    const char *text = sage_safetensors_meta(file, key);
    char *end = NULL;
    if (text != NULL && *text >= '0' && *text <= '9') {
        errno = 0;
        *value = strtoull(text, &end, 10);
    }
    if (end == NULL || *end != '\0' || errno != 0)
        return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                            "no whole number \"%s\" in the metadata; this is not a model of itemsage", key);
    return SAGE_OK;
}

static sage_status read_size(const sage_safetensors *file, const char *path, const char *key, size_t *value,
                             sage_error *error) {
    uint64_t wide = 0;
    sage_status st = model_read_number(file, path, key, &wide, error);
    *value = (size_t)wide;
    return st;
}

sage_status model_read_off(const sage_safetensors *file, const char *path, const char *key, bool *off,
                           sage_error *error) {
    const char *text = sage_safetensors_meta(file, key); /* absent: on */
    *off = text != NULL && strcmp(text, "off") == 0;
    if (text == NULL || *off || strcmp(text, "on") == 0) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "%s in its metadata is neither on nor off", key);
}

sage_status model_read_choice(const sage_safetensors *file, const char *path, const char *key, const char *const *names,
                              size_t *number, sage_error *error) {
    const char *text = sage_safetensors_meta(file, key);
    *number = 0;
    for (size_t i = 0; text != NULL && names[i] != NULL; i++)
        if (strcmp(text, names[i]) == 0) {
            *number = i;
            return SAGE_OK;
        }
    if (text == NULL) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                        "%s in its metadata is \"%.40s\", which this program does not know", key, text);
}

/* One "kind:dim" of the list; false where it is none. */
static bool read_group(const char **text, sage_group *group) {
    for (size_t kind = 0; kind < 2; kind++) {
        const char *name = model_group_names[kind], *at = *text + strlen(name);
        char *end = NULL;
        if (strncmp(*text, name, strlen(name)) != 0 || at[0] != ':' || at[1] < '0' || at[1] > '9') continue;
        errno = 0;
        group->kind = (sage_group_kind)kind;
        group->dim = strtoul(at + 1, &end, 10);
        *text = *end == ' ' ? end + 1 : end;
        return errno == 0 && (*end == '\0' || (*end == ' ' && end[1] != '\0'));
    }
    return false;
}

/* A file without "groups" was written when there was at most one, of pictures. */
static sage_status read_groups(const sage_safetensors *file, const char *path, sage_model_shape *s, sage_error *error) {
    const char *text = sage_safetensors_meta(file, "groups");
    if (text == NULL && sage_safetensors_meta(file, "dim_image") == NULL)
        return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                            "no \"groups\" in the metadata; this is not a model of itemsage");
    if (text == NULL) {
        sage_status st = read_size(file, path, "dim_image", &s->groups[0].dim, error);
        s->n_groups = s->groups[0].dim > 0;
        return st;
    }
    for (; *text != '\0'; s->n_groups++)
        if (s->n_groups == SAGE_GROUPS_MAX || !read_group(&text, &s->groups[s->n_groups]))
            return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                                "\"groups\" of its metadata is not like \"pictures:1280 sentences:384\"");
    return SAGE_OK;
}

/* Absent: sentences are tokens. */
static sage_status read_beside(const sage_safetensors *file, const char *path, double *beside, sage_error *error) {
    const char *text = sage_safetensors_meta(file, "sentences_beside");
    char *end = NULL;
    if (text == NULL) return SAGE_OK;
    *beside = strtod(text, &end);
    if (end != text && *end == '\0' && *beside > 0) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "\"sentences_beside\" of its metadata is no weight");
}

/* Absent: there is none. */
static sage_status read_tower(const sage_safetensors *file, const char *path, const char *key, bool *there,
                              sage_error *error) {
    const char *text = sage_safetensors_meta(file, key);
    *there = text != NULL;
    if (text == NULL || strcmp(text, "on") == 0) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "%s in its metadata is not on", key);
}

/* Absent: there is none. */
static sage_status read_users(const sage_safetensors *file, const char *path, sage_model_shape *s, sage_error *error) {
    sage_status st = SAGE_OK;
    if (sage_safetensors_meta(file, "user_events") == NULL) return SAGE_OK;
    SAGE_TRY(read_size(file, path, "user_events", &s->user_events, error));
    SAGE_TRY(read_size(file, path, "user_dim", &s->user_dim, error));
    SAGE_TRY(read_size(file, path, "user_layers", &s->user_layers, error));
    SAGE_TRY(read_size(file, path, "user_heads", &s->user_heads, error));
out:
    return st;
}

/* Absent: no product has a token. */
static sage_status read_tokens(const sage_safetensors *file, const char *path, size_t *tokens, sage_error *error) {
    return sage_safetensors_meta(file, "tokens") == NULL ? SAGE_OK : read_size(file, path, "tokens", tokens, error);
}

static sage_status read_variant(const sage_safetensors *file, const char *path, sage_model_shape *s,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    size_t inputs, encoder;
    SAGE_TRY(model_read_choice(file, path, "inputs", model_inputs_names, &inputs, error));
    SAGE_TRY(model_read_choice(file, path, "encoder", model_encoder_names, &encoder, error));
    s->inputs = (sage_inputs)inputs;
    s->encoder = (sage_encoder_kind)encoder;
    if (sage_safetensors_meta(file, "encoder_layers") != NULL) {
        SAGE_TRY(read_size(file, path, "encoder_layers", &s->lower, error));
        s->lower--; /* of none: far too many */
    }
out:
    return st;
}

sage_status model_read_shape(const sage_safetensors *file, const char *path, sage_model_shape *s, sage_error *error) {
    sage_status st = SAGE_OK;
    const char *format = sage_safetensors_meta(file, "format");
    if (format == NULL || strcmp(format, "itemsage-model-1") != 0) {
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                          "its metadata does not say format = itemsage-model-1; this is not a model of itemsage");
        goto out;
    }
    SAGE_TRY(read_size(file, path, "vocab", &s->vocab, error));
    SAGE_TRY(read_tokens(file, path, &s->tokens, error));
    SAGE_TRY(read_size(file, path, "rows", &s->rows, error));
    SAGE_TRY(read_size(file, path, "hashes", &s->hashes, error));
    SAGE_TRY(read_size(file, path, "dim_embed", &s->dim_embed, error));
    SAGE_TRY(read_size(file, path, "dim_model", &s->dim_model, error));
    SAGE_TRY(read_size(file, path, "heads", &s->heads, error));
    SAGE_TRY(read_size(file, path, "dim_ff", &s->dim_ff, error));
    SAGE_TRY(read_size(file, path, "dim_head", &s->dim_head, error));
    SAGE_TRY(read_size(file, path, "dim_out", &s->dim_out, error));
    SAGE_TRY(read_groups(file, path, s, error));
    SAGE_TRY(read_beside(file, path, &s->beside, error));
    SAGE_TRY(read_tower(file, path, "product_tower", &s->product_tower, error));
    SAGE_TRY(read_users(file, path, s, error));
    SAGE_TRY(model_read_off(file, path, "text_norm", &s->plain_text, error));
    SAGE_TRY(model_read_off(file, path, "head_skip", &s->plain_head, error));
    SAGE_TRY(read_variant(file, path, s, error));
    if (model_shape_check(s, error) != SAGE_OK)
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                          "its metadata gives a model of impossible sizes; the file is damaged");
out:
    return st;
}
