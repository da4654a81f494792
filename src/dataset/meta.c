#include <base/alloc.h>
#include <base/error.h>
#include <dataset/build.h>
#include <dataset/meta.h>
#include <features/given.h>
#include <inttypes.h>
#include <io/json.h>
#include <io/npy.h>
#include <io/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { META_MAX = 1 << 20 };

/* Those that change what is written; not how much memory it takes. */
static bool matters(const sage_option *option) {
    return strcmp(option->key, "memory") != 0;
}

static sage_status no_memory(json_t *json, sage_error *error) {
    return json == NULL ? sage_fail_memory(error, 256) : SAGE_OK;
}

/* With sentences, those that made queries follow too. */
static const char *const recipe[] = {"pseudo_words_min", "pseudo_words_max", "pseudo_length",
                                     "pseudo_run",       "pseudo_title",     "pseudo_taste"};
enum { RECIPE = sizeof recipe / sizeof *recipe };

static sage_status options_json(const sage_build *build, json_t **json, sage_error *error) {
    const sage_options *options = build->options;
    *json = json_object();
    for (size_t i = 0; i < RECIPE && build->sentences != NULL && *json != NULL; i++)
        json_object_set_new(*json, recipe[i], json_string(sage_options_text(options, recipe[i])));
    for (const sage_option *o = sage_dataset_options; o->key != NULL && *json != NULL; o++) {
        const char *text = sage_options_text(options, o->key);
        if (!matters(o)) continue;
        if (json_object_set_new(*json, o->key, json_string(text == NULL ? "" : text)) != 0) {
            json_decref(*json);
            *json = NULL;
        }
    }
    return no_memory(*json, error);
}

static json_t *part_json(const sage_part_spools *part) {
    json_t *pairs = json_object();
    for (unsigned t = 0; t < SAGE_TASKS && pairs != NULL; t++) {
        char name[32];
        sage_task_name(t, name);
        if (part->n_pairs[t] == 0) continue;
        if (json_object_set_new(pairs, name, json_integer((json_int_t)part->n_pairs[t])) != 0) {
            json_decref(pairs);
            return NULL;
        }
    }
    if (pairs == NULL) return NULL;
    return json_pack("{sIsIso}", "queries", (json_int_t)part->n_queries, "unknown_pairs", (json_int_t)part->unknown,
                     "pairs", pairs);
}

static json_t *parts_json(const sage_picture_parts *parts) {
    json_t *list = json_array();
    for (size_t i = 0; i < parts->n && list != NULL; i++)
        json_array_append_new(list, json_integer((json_int_t)parts->dim[i]));
    return list;
}

static json_t *vocab_json(const sage_vocab *vocab) {
    char hash[17];
    json_int_t size[SAGE_NGRAM_KINDS];
    for (unsigned k = 0; k < SAGE_NGRAM_KINDS; k++) {
        size[k] = (json_int_t)(sage_vocab_begin(vocab, (sage_ngram_kind)(k + 1)) -
                               sage_vocab_begin(vocab, (sage_ngram_kind)k));
    }
    snprintf(hash, sizeof hash, "%016" PRIx64, sage_vocab_hash(vocab));
    return json_pack("{sIsIsIsIss}", "documents", (json_int_t)sage_vocab_documents(vocab), "words", size[SAGE_WORD],
                     "bigrams", size[SAGE_BIGRAM], "trigrams", size[SAGE_TRIGRAM], "hash", hash);
}

/* The identity in hex; absent: none. */
static void given_member(sage_surface surface, const sage_given *given, char name[SAGE_GIVEN_MEMBER],
                         char identity[17]) {
    sage_given_member(name, surface);
    identity[0] = '\0';
    if (given != NULL) snprintf(identity, 17, "%016" PRIx64, sage_given_identity(given));
}

static sage_status write_given(const sage_build *build, json_t *root, sage_error *error) {
    char name[SAGE_GIVEN_MEMBER], identity[17];
    for (int s = 0; s < SAGE_SURFACES; s++) {
        if (build->given.of[s] == NULL) continue;
        given_member((sage_surface)s, build->given.of[s], name, identity);
        if (json_object_set_new(root, name, json_string(identity)) != 0)
            return sage_fail_memory(error, sizeof identity);
    }
    return SAGE_OK;
}

sage_status sage_build_write_meta(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    json_t *options = NULL, *root = NULL;
    const sage_part_spools *parts = build->parts;
    SAGE_TRY(options_json(build, &options, error));
    root = json_pack("{sisisIsbsIsfsIsIsIsIsIsosssosos{sososo}}", "format", SAGE_DATASET_VERSION, "contents",
                     SAGE_DATASET_CONTENTS, "catalogue_revision", (json_int_t)build->revision, "simulated",
                     (int)sage_catalog_simulated(build->catalog), "seed", (json_int_t)build->split.seed, "holdout",
                     build->split.holdout, "products", (json_int_t)build->products.n, "images",
                     (json_int_t)build->products.n_images, "image_dim", (json_int_t)build->products.image_dim, "users",
                     (json_int_t)build->users.n, "user_events", (json_int_t)build->users.n_events, "image_parts",
                     parts_json(&build->products.image_parts), "text_encoder",
                     build->sentences != NULL ? sage_sentences_identity(build->sentences) : "", "options", options,
                     "vocabulary", vocab_json(build->vocab), "parts", "train", part_json(&parts[SAGE_TRAIN]),
                     "validation", part_json(&parts[SAGE_VALIDATION]), "test", part_json(&parts[SAGE_TEST]));
    SAGE_TRY(no_memory(root, error));
    SAGE_TRY(write_given(build, root, error));
    SAGE_TRY(sage_path_join(path, build->dir, SAGE_META_FILE, error));
    SAGE_TRY(sage_json_write(path, root, error));
out:
    json_decref(root);
    return st;
}

static sage_status read_root(const char *dir, char path[SAGE_PATH_MAX], json_t **root, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t format;
    *root = NULL;
    SAGE_TRY(sage_path_join(path, dir, SAGE_META_FILE, error));
    SAGE_TRY(sage_json_read(path, META_MAX, root, error));
    SAGE_TRY(sage_json_int(*root, "format", &format, path, error));
    if (format != SAGE_DATASET_VERSION) {
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                          "dataset format %" PRId64 " is not the %d that this program reads; build it again", format,
                          SAGE_DATASET_VERSION);
    }
out:
    return st;
}

/* "": none, as where the dataset is older. */
static const char *text_encoder_of(const json_t *root) {
    const char *identity = json_string_value(json_object_get(root, "text_encoder"));
    return identity != NULL ? identity : "";
}

/* Absent where the dataset is older. */
static sage_status read_parts(const json_t *root, const char *path, sage_picture_parts *parts, sage_error *error) {
    const json_t *list = json_object_get(root, "image_parts");
    *parts = (sage_picture_parts){.n = json_array_size(list)};
    bool good = list == NULL || (json_is_array(list) && parts->n <= SAGE_PICTURE_PARTS_MAX);
    for (size_t i = 0; good && i < parts->n; i++) {
        json_int_t dim = json_integer_value(json_array_get(list, i));
        good = dim > 0 && dim <= SAGE_NPY_COLS_MAX;
        parts->dim[i] = (size_t)dim;
    }
    if (good) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "'image_parts' is no list of widths; build it again");
}

sage_status sage_meta_read(const char *dir, sage_dataset_info *info, int64_t *contents, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    json_t *root = NULL;
    int64_t seed;
    SAGE_TRY(read_root(dir, path, &root, error));
    SAGE_TRY(sage_json_int(root, "seed", &seed, path, error));
    SAGE_TRY(sage_json_int(root, "catalogue_revision", &info->catalogue_revision, path, error));
    SAGE_TRY(sage_json_real(root, "holdout", &info->holdout, path, error));
    info->seed = (uint64_t)seed;
    *contents = json_integer_value(json_object_get(root, "contents"));
    info->simulated = json_is_true(json_object_get(root, "simulated"));
    snprintf(info->text_encoder, sizeof info->text_encoder, "%s", text_encoder_of(root));
    SAGE_TRY(read_parts(root, path, &info->image_parts, error));
out:
    json_decref(root);
    return st;
}

/* The options, the encoder of texts and the query vectors that were given. */
static json_t *kind_json(json_t *root) {
    json_t *kind = json_object();
    const char *names[2 + SAGE_SURFACES] = {"options", "text_encoder"};
    char given[SAGE_SURFACES][SAGE_GIVEN_MEMBER];
    int failed = kind == NULL;
    for (int s = 0; s < SAGE_SURFACES; s++) {
        sage_given_member(given[s], (sage_surface)s);
        names[2 + s] = given[s];
    }
    for (size_t i = 0; i < sizeof names / sizeof *names && failed == 0; i++) {
        json_t *value = json_object_get(root, names[i]);
        if (value != NULL) failed = json_object_set(kind, names[i], value);
    }
    return sage_json_or_free(kind, failed);
}

sage_status sage_meta_kind(const char *dir, char **kind, int64_t *catalogue_revision, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX], *text = NULL;
    json_t *root = NULL, *json = NULL;
    *kind = NULL;
    SAGE_TRY(read_root(dir, path, &root, error));
    SAGE_TRY(sage_json_int(root, "catalogue_revision", catalogue_revision, path, error));
    json = kind_json(root);
    text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (text == NULL || (*kind = sage_strdup(text)) == NULL) SAGE_TRY(sage_fail_memory(error, META_MAX));
out:
    free(text);
    json_decref(json);
    json_decref(root);
    return st;
}

static bool same_recipe(const json_t *kept, const sage_options *options) {
    for (size_t i = 0; i < RECIPE; i++) {
        const char *then = json_string_value(json_object_get(kept, recipe[i]));
        if (then == NULL || strcmp(then, sage_options_text(options, recipe[i])) != 0) return false;
    }
    return true;
}

static bool same_options(const json_t *root, const sage_options *options) {
    const json_t *kept = json_object_get(root, "options");
    if (text_encoder_of(root)[0] != '\0' && !same_recipe(kept, options)) return false;
    for (const sage_option *o = sage_dataset_options; o->key != NULL; o++) {
        const char *now = sage_options_text(options, o->key), *then = json_string_value(json_object_get(kept, o->key));
        if (matters(o) && (then == NULL || now == NULL || strcmp(now, then) != 0)) return false;
    }
    return true;
}

/* Those that the shop has now; damaged ones are for whoever packs them to tell. */
static bool same_given(const json_t *root, const char *shop_dir, const sage_options *options) {
    char name[SAGE_GIVEN_MEMBER], now[17];
    sage_given_set given = {{NULL}};
    bool same = true;
    if (sage_options_bool(options, "search_vectors") && sage_given_open_shop(shop_dir, false, &given, NULL) != SAGE_OK)
        return false;
    for (int s = 0; s < SAGE_SURFACES && same; s++) {
        given_member((sage_surface)s, given.of[s], name, now);
        const char *then = json_string_value(json_object_get(root, name));
        same = strcmp(then != NULL ? then : "", now) == 0;
    }
    sage_given_set_close(&given);
    return same;
}

bool sage_dataset_fresh_in(const char *parent, const char *shop_dir, uint64_t id, int64_t catalogue_revision,
                           const sage_options *options, const char *text_encoder) {
    char dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    json_t *root = NULL;
    int64_t revision, contents;
    bool fresh = sage_version_path(dir, parent, id, NULL) == SAGE_OK && read_root(dir, path, &root, NULL) == SAGE_OK &&
                 sage_json_int(root, "catalogue_revision", &revision, path, NULL) == SAGE_OK &&
                 sage_json_int(root, "contents", &contents, path, NULL) == SAGE_OK &&
                 contents == SAGE_DATASET_CONTENTS && revision == catalogue_revision && same_options(root, options) &&
                 same_given(root, shop_dir, options) &&
                 strcmp(text_encoder_of(root), text_encoder != NULL ? text_encoder : "") == 0;
    json_decref(root);
    return fresh;
}

bool sage_dataset_fresh(const char *shop_dir, uint64_t id, int64_t catalogue_revision, const sage_options *options,
                        const char *text_encoder) {
    char parent[SAGE_PATH_MAX];
    return sage_path_join(parent, shop_dir, "dataset", NULL) == SAGE_OK &&
           sage_dataset_fresh_in(parent, shop_dir, id, catalogue_revision, options, text_encoder);
}
