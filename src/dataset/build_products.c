/* The first pass: each product's normalised texts, words, images and the keys of its likeness to others. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <dataset/build.h>
#include <dataset/prints.h>
#include <dataset/words.h>
#include <stdlib.h>

static int compare_keys(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

size_t sage_word_keys_unique(uint32_t *keys, size_t n) {
    size_t kept = 0;
    if (n > 1) qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || keys[kept - 1] != keys[i]) keys[kept++] = keys[i];
    }
    return kept;
}

typedef struct pass {
    sage_build *build;
    sage_image_store *images;
    sage_product_text text;
    float *vectors;
    size_t vectors_capacity;
    uint32_t *keys;
    size_t keys_capacity, n_keys;
} pass;

static bool is_made_field(sage_field field) {
    for (size_t i = 0; i < SAGE_MADE_FIELDS; i++) {
        if (sage_made_fields[i] == field) return true;
    }
    return false;
}

/* Counts the field's n-grams and notes its words; *title gets a hash of a title's words. */
static sage_status add_field(pass *p, sage_field field, uint64_t *title, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_build *b = p->build;
    size_t n;
    sage_str text = sage_product_text_field(&p->text, field);
    SAGE_TRY(sage_field_words(text, &b->words, &b->words_capacity, &n, error));
    SAGE_TRY(sage_vocab_builder_text(b->counter, b->words, n, error));
    if (field == SAGE_TITLE && text.len > 0) {
        *title = n == 0 ? XXH3_64bits(text.data, text.len) : 1;
        for (size_t i = 0; i < n; i++) *title = XXH3_64bits_withSeed(b->words[i].data, b->words[i].len, *title);
    }
    if (!is_made_field(field)) goto out;
    if (sage_grow((void **)&p->keys, &p->keys_capacity, p->n_keys + n, sizeof *p->keys) != 0) {
        st = sage_fail_memory(error, (p->n_keys + n) * sizeof *p->keys);
        goto out;
    }
    for (size_t i = 0; i < n; i++) p->keys[p->n_keys++] = sage_word_key(b->words[i]);
out:
    return st;
}

static sage_status add_text(pass *p, uint64_t *title, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_spools *s = &p->build->products;
    uint32_t ends[SAGE_FIELD_ENDS];
    p->n_keys = 0;
    for (unsigned f = 0; f < SAGE_FIELDS; f++) SAGE_TRY(add_field(p, (sage_field)f, title, error));
    SAGE_TRY(sage_vocab_builder_end_document(p->build->counter, error));
    for (size_t f = 0; f < SAGE_FIELD_ENDS; f++) ends[f] = (uint32_t)p->text.begin[f];
    SAGE_TRY(sage_spool_add(&s->text, p->text.bytes.data, p->text.bytes.len, error));
    SAGE_TRY(sage_spool_add(&s->text_field, ends, sizeof ends, error));
    uint64_t text_end = s->text.bytes;
    SAGE_TRY(sage_spool_add(&s->text_begin, &text_end, sizeof text_end, error));
    p->n_keys = sage_word_keys_unique(p->keys, p->n_keys);
    s->n_words += p->n_keys;
    SAGE_TRY(sage_spool_add(&s->words, p->keys, p->n_keys * sizeof *p->keys, error));
    SAGE_TRY(sage_spool_add(&s->word_begin, &s->n_words, sizeof s->n_words, error));
out:
    return st;
}

static sage_status add_images(pass *p, const sage_product_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_spools *s = &p->build->products;
    size_t n, dim;
    SAGE_TRY(sage_image_store_read(p->images, row, &p->vectors, &p->vectors_capacity, &n, &dim, error));
    s->image_dim = dim;
    sage_image_store_parts(p->images, &s->image_parts);
    s->n_images += n;
    SAGE_TRY(sage_spool_add(&s->images, p->vectors, n * dim * sizeof *p->vectors, error));
    SAGE_TRY(sage_spool_add(&s->image_begin, &s->n_images, sizeof s->n_images, error));
    for (size_t i = 0; i < n; i++) {
        uint64_t print = sage_picture_print(p->vectors + i * dim, dim);
        SAGE_TRY(sage_spool_add(&s->image_prints, &print, sizeof print, error));
    }
out:
    return st;
}

static uint64_t hash_or_none(const void *bytes, size_t len) {
    if (len == 0) return 0;
    uint64_t hash = XXH3_64bits(bytes, len);
    return hash == 0 ? 1 : hash;
}

/* Where the product's vector lies, for when it is looked at. */
static sage_status add_given(pass *p, const sage_product_row *row, sage_error *error) {
    const sage_given *given = p->build->given.of[SAGE_ON_PRODUCT];
    if (given == NULL) return SAGE_OK;
    size_t place = sage_given_place(given, row->id);
    uint32_t number = place < UINT32_MAX ? (uint32_t)place : UINT32_MAX;
    return sage_spool_add(&p->build->products.given, &number, sizeof number, error);
}

static sage_status add_product(pass *p, const sage_product_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_spools *s = &p->build->products;
    uint64_t key[SAGE_SAME_RELATIONS] = {0};
    SAGE_TRY(sage_product_text_read(row, &p->text, error));
    SAGE_TRY(add_text(p, &key[2], error));
    SAGE_TRY(add_images(p, row, error));
    SAGE_TRY(add_given(p, row, error));
    /* Products that are but a number have one fingerprint, and are not alike for that. */
    bool something = p->text.bytes.len > 0 || row->n_images > 0;
    bool printed = something && (row->fingerprint.low != 0 || row->fingerprint.high != 0);
    key[0] = hash_or_none(row->item_group_id.data, row->item_group_id.len);
    key[1] = printed ? hash_or_none(&row->fingerprint, sizeof row->fingerprint) : 0;
    for (size_t r = 0; r < SAGE_SAME_RELATIONS; r++)
        SAGE_TRY(sage_spool_add(&s->relation[r], &key[r], sizeof key[r], error));
    SAGE_TRY(sage_spool_add(&s->pids, &row->pid, sizeof row->pid, error));
    SAGE_TRY(sage_spool_add(&s->fingerprints, &row->fingerprint, sizeof row->fingerprint, error));
    if (++s->n >= UINT32_MAX) st = sage_fail(error, SAGE_E_LIMIT, "a dataset holds at most 2^32 - 2 products");
out:
    return st;
}

sage_status sage_build_products(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    pass p = {.build = build};
    sage_product_cursor *cursor = NULL;
    sage_ticker ticker;
    char pictures[SAGE_PATH_MAX];
    const uint64_t zero = 0;
    sage_product_spools *s = &build->products;
    sage_spool *begins[] = {&s->text_begin, &s->word_begin, &s->image_begin};
    sage_product_text_init(&p.text);
    sage_ticker_begin(&ticker, build->monitor, "dataset: products", 0);
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        SAGE_TRY(sage_spool_add(begins[i], &zero, sizeof zero, error));
    SAGE_TRY(sage_path_join(pictures, build->shop_dir, "pictures", error));
    SAGE_TRY(sage_image_store_open(build->catalog, pictures, &p.images, error));
    SAGE_TRY(sage_product_cursor_open(build->catalog, 0, 0, &cursor, error));
    for (;;) {
        const sage_product_row *row;
        SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
        if (row == NULL) break;
        SAGE_TRY(add_product(&p, row, error));
        SAGE_TRY(sage_check_cancel(build->monitor, "building the dataset", error));
        sage_ticker_tick(&ticker, s->n, NULL);
    }
    sage_ticker_end(&ticker, s->n);
out:
    if (cursor != NULL) sage_product_cursor_close(cursor);
    sage_image_store_close(p.images);
    sage_product_text_free(&p.text);
    sage_free(p.vectors);
    sage_free(p.keys);
    return st;
}
