/* Builds a dataset: products, likeness, events, vocabulary, ids, files. Published at the end or not at all. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <dataset/build.h>
#include <features/given.h>
#include <io/version.h>
#include <stdio.h>

typedef struct named_spool {
    sage_spool *spool;
    const char *name;
} named_spool;

static sage_status init_product_spools(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_spools *s = &build->products;
    const named_spool spools[] = {
        {&s->pids, "pids.tmp"},
        {&s->fingerprints, "fingerprint.tmp"},
        {&s->same, "same.tmp"},
        {&s->relation[0], "group.tmp"},
        {&s->relation[1], "print.tmp"},
        {&s->relation[2], "title.tmp"},
        {&s->text, "text.tmp"},
        {&s->text_begin, "text-end.tmp"},
        {&s->text_field, "text-field.tmp"},
        {&s->id_begin, "id-end.tmp"},
        {&s->id_field, "id-field.tmp"},
        {&s->words, "words.tmp"},
        {&s->word_begin, "word-end.tmp"},
        {&s->images, "images.tmp"},
        {&s->image_begin, "image-end.tmp"},
        {&s->image_prints, "image-prints.tmp"},
        {&s->sentences, "sentences.tmp"},
        {&s->sentence_begin, "sentence-begin.tmp"},
        {&s->given, "given.tmp"},
    };
    for (size_t i = 0; i < sizeof spools / sizeof *spools; i++) {
        SAGE_TRY(sage_spool_init(spools[i].spool, build->dir, spools[i].name, error));
    }
out:
    return st;
}

static sage_status init_part_spools(sage_build *build, size_t p, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_part_spools *s = &build->parts[p];
    char name[64];
    const named_spool spools[] = {
        {&s->surface, "surface"},           {&s->text, "text"},
        {&s->text_end, "text-end"},         {&s->positives, "positives"},
        {&s->positive_end, "positive-end"}, {&s->pictures, "pictures"},
        {&s->picture_end, "picture-end"},   {&s->sentences, "sentences"},
        {&s->sentence_end, "sentence-end"}, {&s->looked_at, "looked-at"},
    };
    for (size_t i = 0; i < sizeof spools / sizeof *spools; i++) {
        snprintf(name, sizeof name, "part%zu-%s.tmp", p, spools[i].name);
        SAGE_TRY(sage_spool_init(spools[i].spool, build->dir, name, error));
    }
    for (size_t t = 0; t < SAGE_TASKS; t++) {
        snprintf(name, sizeof name, "part%zu-pairs%zu.tmp", p, t);
        SAGE_TRY(sage_spool_init(&s->pairs[t], build->dir, name, error));
    }
out:
    return st;
}

static void free_spools(sage_build *build) {
    sage_product_spools *s = &build->products;
    sage_spool *product[] = {&s->pids,         &s->fingerprints, &s->same,           &s->relation[0], &s->relation[1],
                             &s->relation[2],  &s->text,         &s->text_begin,     &s->text_field,  &s->id_begin,
                             &s->id_field,     &s->words,        &s->word_begin,     &s->images,      &s->image_begin,
                             &s->image_prints, &s->sentences,    &s->sentence_begin, &s->given};
    for (size_t i = 0; i < sizeof product / sizeof *product; i++) sage_spool_free(product[i]);
    sage_user_spools *u = &build->users;
    sage_spool *user[] = {&u->id, &u->id_begin, &u->part, &u->events, &u->event_begin};
    for (size_t i = 0; i < sizeof user / sizeof *user; i++) sage_spool_free(user[i]);
    for (size_t k = 0; k < SAGE_EVENT_KINDS; k++) sage_spool_free(&u->targets[k]);
    for (size_t p = 0; p < SAGE_PARTS; p++) {
        sage_part_spools *part = &build->parts[p];
        sage_spool *query[] = {&part->surface,      &part->text,     &part->text_end,    &part->positives,
                               &part->positive_end, &part->pictures, &part->picture_end, &part->sentences,
                               &part->sentence_end, &part->looked_at};
        for (size_t i = 0; i < sizeof query / sizeof *query; i++) sage_spool_free(query[i]);
        for (size_t t = 0; t < SAGE_TASKS; t++) sage_spool_free(&part->pairs[t]);
    }
}

static sage_status init_user_spools(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_user_spools *s = &build->users;
    char name[64];
    const named_spool spools[] = {{&s->id, "user-id.tmp"},
                                  {&s->id_begin, "user-id-begin.tmp"},
                                  {&s->part, "user-part.tmp"},
                                  {&s->events, "user-events.tmp"},
                                  {&s->event_begin, "user-event-begin.tmp"}};
    for (size_t i = 0; i < sizeof spools / sizeof *spools; i++) {
        SAGE_TRY(sage_spool_init(spools[i].spool, build->dir, spools[i].name, error));
    }
    for (size_t k = 0; k < SAGE_EVENT_KINDS; k++) {
        snprintf(name, sizeof name, "user-targets%zu.tmp", k);
        SAGE_TRY(sage_spool_init(&s->targets[k], build->dir, name, error));
    }
out:
    return st;
}

/* Half of the memory is the table's, so that it may be sorted and grown in the other half. */
static sage_status start_counting(sage_build *build, sage_error *error) {
    sage_shop_state state = {0};
    sage_status st = sage_catalog_count(build->catalog, &state, error);
    if (st != SAGE_OK) return st;
    uint64_t bigrams = state.products * 8;
    if (bigrams < 50000) bigrams = 50000;
    if (bigrams > 1000000) bigrams = 1000000;
    const sage_options *o = build->options;
    sage_vocab_limits limits = {.memory_bytes = (size_t)sage_options_int_or(o, "memory", 1 << 30) / 2};
    limits.max[SAGE_WORD] = (size_t)sage_options_int_or(o, "vocab_words", 200000);
    limits.max[SAGE_BIGRAM] = (size_t)sage_options_int_or(o, "vocab_bigrams", (int64_t)bigrams);
    limits.max[SAGE_TRIGRAM] = (size_t)sage_options_int_or(o, "vocab_trigrams", 64000);
    for (size_t k = 0; k < SAGE_NGRAM_KINDS; k++) {
        limits.min_df[k] = (uint32_t)sage_options_int_or(o, "vocab_min_df", k == SAGE_WORD ? 1 : 2);
    }
    return sage_vocab_builder_new(&limits, build->dir, &build->counter, error);
}

/* The vocabulary of models/<version>. */
static sage_status copy_vocabulary(const sage_build *build, uint64_t version, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    char models[SAGE_PATH_MAX], model[SAGE_PATH_MAX], source[SAGE_PATH_MAX];
    SAGE_TRY(sage_path_join(models, build->shop_dir, "models", error));
    SAGE_TRY(sage_version_path(model, models, version, error));
    SAGE_TRY(sage_path_join(source, model, "vocabulary", error));
    if (!sage_fs_exists(source))
        SAGE_TRY(sage_fail_at(error, SAGE_E_NOT_FOUND, source, 0, 0, "there is no such vocabulary to go on with"));
    SAGE_TRY(sage_fs_copy(source, path, error));
out:
    return st;
}

static sage_status write_vocabulary(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    uint64_t of = (uint64_t)sage_options_int(build->options, "vocabulary_of");
    SAGE_TRY(sage_path_join(path, build->dir, SAGE_VOCAB_FILE, error));
    if (of > 0)
        SAGE_TRY(copy_vocabulary(build, of, path, error));
    else
        SAGE_TRY(sage_vocab_builder_write(build->counter, path, build->monitor, error));
    sage_vocab_builder_free(build->counter);
    build->counter = NULL;
    SAGE_TRY(sage_vocab_open(path, &build->vocab, error));
out:
    return st;
}

/* Without them where the shop has none, or does not want them. */
static sage_status copy_given(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    char from[SAGE_PATH_MAX], to[SAGE_PATH_MAX];
    if (!sage_options_bool(build->options, "search_vectors")) goto out;
    for (int surface = 0; surface < SAGE_SURFACES; surface++) {
        SAGE_TRY(sage_given_path(from, build->shop_dir, (sage_surface)surface, error));
        if (!sage_fs_exists(from)) continue;
        SAGE_TRY(sage_given_copy_path(to, build->dir, (sage_surface)surface, error));
        SAGE_TRY(sage_fs_copy(from, to, error));
    }
    SAGE_TRY(sage_given_open_copies(build->dir, true, &build->given, error));
out:
    return st;
}

/* What is left out is told, so that nobody wonders where it went. */
static void tell_left_out(const sage_build *build) {
    uint64_t unknown = 0;
    for (size_t p = 0; p < SAGE_PARTS; p++) unknown += build->parts[p].unknown;
    if (build->unseen > 0) {
        sage_note(build->monitor,
                  "%llu pictures that events began with have no vector and are left out: run 'itemsage import images'",
                  (unsigned long long)build->unseen);
    }
    if (build->users.cut_events > 0) {
        sage_note(build->monitor, "%llu events of %llu users are left out: of a user the %d newest are kept",
                  (unsigned long long)build->users.cut_events, (unsigned long long)build->users.cut_users,
                  SAGE_USER_EVENTS_MAX);
    }
    if (unknown > 0) {
        sage_note(build->monitor, "%llu pairs are left out: their product is not in the catalogue",
                  (unsigned long long)unknown);
    }
}

static sage_status run(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(init_product_spools(build, error));
    for (size_t p = 0; p < SAGE_PARTS; p++) SAGE_TRY(init_part_spools(build, p, error));
    SAGE_TRY(init_user_spools(build, error));
    SAGE_TRY(start_counting(build, error));
    SAGE_TRY(copy_given(build, error));
    SAGE_TRY(sage_build_products(build, error));
    SAGE_TRY(sage_build_same(build, error));
    SAGE_TRY(sage_build_events(build, error));
    SAGE_TRY(sage_build_users(build, error));
    SAGE_TRY(write_vocabulary(build, error));
    if (build->sentences != NULL) SAGE_TRY(sage_build_sentences(build, error));
    SAGE_TRY(sage_build_write_products(build, error));
    SAGE_TRY(sage_build_write_queries(build, error));
    SAGE_TRY(sage_build_write_users(build, error));
    SAGE_TRY(sage_build_write_meta(build, error));
    if (build->sentences != NULL && build->products.n > 0) SAGE_TRY(sage_build_made(build, error));
out:
    return st;
}

sage_status sage_dataset_build_in(const char *parent, sage_catalog *catalog, const char *shop_dir,
                                  const sage_options *options, sage_sentences *sentences, sage_pool *pool,
                                  const sage_monitor *monitor, uint64_t *id, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_build *build = sage_alloc_zero(1, sizeof *build);
    *id = 0;
    if (build == NULL) return sage_fail_memory(error, sizeof *build);
    build->catalog = catalog;
    build->shop_dir = shop_dir;
    build->options = options;
    build->sentences = sentences;
    build->pool = pool;
    build->monitor = monitor;
    build->revision = sage_catalog_revision(catalog);
    SAGE_TRY(sage_version_begin(parent, "build", build->dir, error));
    SAGE_TRY(run(build, error));
    tell_left_out(build);
    free_spools(build);
    SAGE_TRY(sage_version_publish(parent, build->dir, id, error));
    build->dir[0] = '\0';
out:
    sage_vocab_builder_free(build->counter);
    sage_vocab_close(build->vocab);
    free_spools(build);
    sage_given_set_close(&build->given);
    if (st != SAGE_OK && build->dir[0] != '\0') sage_fs_remove_tree(build->dir, NULL);
    sage_free(build->words);
    sage_free(build);
    return st;
}

sage_status sage_dataset_build(sage_catalog *catalog, const char *shop_dir, const sage_options *options,
                               sage_sentences *sentences, sage_pool *pool, const sage_monitor *monitor, uint64_t *id,
                               sage_error *error) {
    char parent[SAGE_PATH_MAX];
    sage_status st = sage_path_join(parent, shop_dir, "dataset", error);
    *id = 0;
    if (st != SAGE_OK) return st;
    return sage_dataset_build_in(parent, catalog, shop_dir, options, sentences, pool, monitor, id, error);
}
