/* The vocabulary: counts and order against a plain recount, spilling, lookups, damaged files, allocation failures. */
#include <base/alloc.h>
#include <base/rng.h>
#include <io/packed.h>
#include <support/scratch.h>
#include <support/test.h>
#include <text/vocab.h>
#include <text/vocab_file.h>

static char dir[SAGE_PATH_MAX];
static char path[SAGE_PATH_MAX], other[SAGE_PATH_MAX];

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(path, sizeof path, "%s", scratch_path(dir, "vocab.bin"));
    snprintf(other, sizeof other, "%s", scratch_path(dir, "other.bin"));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static const sage_vocab_limits GENEROUS = {{1000000, 1000000, 1000000}, {1, 1, 1}, (size_t)64 << 20};

static void add_text(sage_vocab_builder *builder, const char *text) {
    sage_str *words = NULL;
    size_t capacity = 0, n = 0;
    assert_int_equal(sage_words(text, strlen(text), &words, &capacity, &n, NULL), SAGE_OK);
    assert_int_equal(sage_vocab_builder_text(builder, words, n, NULL), SAGE_OK);
    sage_free(words);
}

static void build(const char *const *documents, size_t n, const sage_vocab_limits *limits, const char *file) {
    sage_vocab_builder *builder;
    assert_int_equal(sage_vocab_builder_new(limits, dir, &builder, NULL), SAGE_OK);
    for (size_t i = 0; i < n; i++) {
        add_text(builder, documents[i]);
        assert_int_equal(sage_vocab_builder_end_document(builder, NULL), SAGE_OK);
    }
    sage_error error;
    if (sage_vocab_builder_write(builder, file, NULL, &error) != SAGE_OK) fail_msg("%s", error.text);
    sage_vocab_builder_free(builder);
}

static sage_vocab *opened(const char *file) {
    sage_vocab *vocab;
    sage_error error;
    if (sage_vocab_open(file, &vocab, &error) != SAGE_OK) fail_msg("%s", error.text);
    return vocab;
}

static void expect_token(const sage_vocab *vocab, uint32_t id, const char *text, uint32_t df) {
    sage_str token = sage_vocab_token(vocab, id);
    assert_int_equal(token.len, strlen(text));
    assert_memory_equal(token.data, text, token.len);
    assert_int_equal(sage_vocab_df(vocab, id), df);
}

static void ids_by_kind_then_frequency_then_bytes(void **state) {
    (void)state;
    const char *documents[] = {"oak oak table", "oak chair", "ash"};
    build(documents, 3, &GENEROUS, path);
    sage_vocab *vocab = opened(path);
    assert_int_equal(sage_vocab_documents(vocab), 3);
    assert_int_equal(sage_vocab_begin(vocab, SAGE_WORD), 0);
    assert_int_equal(sage_vocab_begin(vocab, SAGE_BIGRAM), 4);
    assert_int_equal(sage_vocab_begin(vocab, SAGE_TRIGRAM), 7);
    assert_int_equal(sage_vocab_begin(vocab, SAGE_NGRAM_KINDS), sage_vocab_size(vocab));
    expect_token(vocab, 0, "oak", 2);
    expect_token(vocab, 1, "ash", 1);
    expect_token(vocab, 2, "chair", 1);
    expect_token(vocab, 3, "table", 1);
    expect_token(vocab, 4, "oak chair", 1);
    expect_token(vocab, 5, "oak oak", 1);
    expect_token(vocab, 6, "oak table", 1);
    assert_int_equal(sage_vocab_find(vocab, SAGE_WORD, "table", 5), 3);
    assert_int_equal(sage_vocab_find(vocab, SAGE_WORD, "elm", 3), SAGE_NO_ID);
    assert_int_not_equal(sage_vocab_find(vocab, SAGE_TRIGRAM, "oak", 3), sage_vocab_find(vocab, SAGE_WORD, "oak", 3));
    sage_str words[] = {SAGE_STR("oak"), SAGE_STR("elm"), SAGE_STR("oak")};
    uint32_t *ids = NULL;
    size_t capacity = 0, n = 0;
    assert_int_equal(sage_vocab_ids(vocab, words, 3, &ids, &capacity, &n, NULL), SAGE_OK);
    assert_int_equal(n, 8); /* two words, no bigram, 2 x (#oa oak ak#); nothing of elm */
    assert_int_equal(ids[0], 0);
    assert_int_equal(ids[1], 0);
    sage_free(ids);
    sage_vocab_close(vocab);
}

static void least_document_counts_per_kind(void **state) {
    (void)state;
    const char *documents[] = {"oak table", "oak table", "oak chair"};
    sage_vocab_limits limits = {{10, 10, 0}, {1, 2, 1}, 1 << 20};
    build(documents, 3, &limits, path);
    sage_vocab *vocab = opened(path);
    assert_int_equal(sage_vocab_size(vocab), 4);
    expect_token(vocab, 3, "oak table", 2);
    sage_vocab_close(vocab);
}

static void nothing_at_all(void **state) {
    (void)state;
    build(NULL, 0, &GENEROUS, path);
    sage_vocab *vocab = opened(path);
    assert_int_equal(sage_vocab_size(vocab), 0);
    assert_int_equal(sage_vocab_find(vocab, SAGE_WORD, "a", 1), SAGE_NO_ID);
    sage_vocab_close(vocab);
}

/* ---- random documents over a skewed set of short words ---- */

enum { DOCUMENTS = 600, DOCUMENT_WORDS = 12, DISTINCT = 300 };

static char **random_documents(void) {
    sage_rng rng;
    sage_rng_seed(&rng, 3, 0);
    char **documents = malloc(DOCUMENTS * sizeof *documents);
    assert_non_null(documents);
    for (size_t d = 0; d < DOCUMENTS; d++) {
        char text[DOCUMENT_WORDS * 8] = "";
        size_t n = sage_rng_below(&rng, DOCUMENT_WORDS);
        for (size_t i = 0; i < n; i++) {
            double u = sage_rng_unit(&rng);
            sprintf(text + strlen(text), "w%u ", (unsigned)(u * u * DISTINCT));
        }
        documents[d] = strdup(text);
    }
    return documents;
}

static void free_documents(char **documents) {
    for (size_t d = 0; d < DOCUMENTS; d++) free(documents[d]);
    free(documents);
}

static void expect_same_bytes(const char *a, const char *b) {
    char *left, *right;
    size_t n_left, n_right;
    assert_int_equal(sage_fs_read_all(a, 1 << 24, &left, &n_left, NULL), SAGE_OK);
    assert_int_equal(sage_fs_read_all(b, 1 << 24, &right, &n_right, NULL), SAGE_OK);
    assert_int_equal(n_left, n_right);
    assert_memory_equal(left, right, n_left);
    sage_free(left);
    sage_free(right);
}

static sage_status count_entry(void *ctx, const char *name, sage_error *error) {
    (void)error;
    if (strstr(name, ".run") != NULL) ++*(size_t *)ctx;
    return SAGE_OK;
}

static void little_memory_gives_the_same_file(void **state) {
    (void)state;
    char **documents = random_documents();
    sage_vocab_limits limits = {{120, 200, 150}, {1, 2, 1}, (size_t)64 << 20};
    build((const char *const *)documents, DOCUMENTS, &limits, path);
    for (size_t memory = 1; memory <= 100000; memory *= 100) { /* 1: a run a document, so runs are merged in between */
        limits.memory_bytes = memory;
        build((const char *const *)documents, DOCUMENTS, &limits, other);
        expect_same_bytes(path, other);
    }
    size_t left = 0;
    assert_int_equal(sage_fs_list(dir, count_entry, &left, NULL), SAGE_OK);
    assert_int_equal(left, 0);
    free_documents(documents);
}

static uint32_t plain_df(char **documents, const char *word) {
    char wanted[32];
    uint32_t df = 0;
    snprintf(wanted, sizeof wanted, "%s ", word);
    for (size_t d = 0; d < DOCUMENTS; d++) {
        const char *at = strstr(documents[d], wanted);
        while (at != NULL && at != documents[d] && at[-1] != ' ') at = strstr(at + 1, wanted);
        df += at != NULL;
    }
    return df;
}

static void the_most_frequent_are_kept_with_true_counts(void **state) {
    (void)state;
    char **documents = random_documents();
    sage_vocab_limits limits = {{100, 0, 0}, {1, 1, 1}, 4000};
    build((const char *const *)documents, DOCUMENTS, &limits, path);
    sage_vocab *vocab = opened(path);
    assert_int_equal(sage_vocab_size(vocab), 100);
    uint32_t least = sage_vocab_df(vocab, 99);
    for (uint32_t w = 0; w < DISTINCT; w++) {
        char word[16];
        sprintf(word, "w%u", w);
        uint32_t df = plain_df(documents, word), id = sage_vocab_find(vocab, SAGE_WORD, word, strlen(word));
        if (df > least) assert_int_not_equal(id, SAGE_NO_ID);
        if (df < least) assert_int_equal(id, SAGE_NO_ID);
        if (id != SAGE_NO_ID) assert_int_equal(sage_vocab_df(vocab, id), df);
    }
    for (uint32_t id = 1; id < 100; id++) {
        sage_str a = sage_vocab_token(vocab, id - 1), b = sage_vocab_token(vocab, id);
        assert_true(sage_vocab_df(vocab, id - 1) >= sage_vocab_df(vocab, id));
        if (sage_vocab_df(vocab, id - 1) == sage_vocab_df(vocab, id)) {
            int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
            assert_true(order < 0 || (order == 0 && a.len < b.len));
        }
    }
    sage_vocab_close(vocab);
    free_documents(documents);
}

static void the_hash_tells_contents_apart(void **state) {
    (void)state;
    const char *documents[] = {"oak table", "oak chair"}, *changed[] = {"oak table", "oak chairs"};
    build(documents, 2, &GENEROUS, path);
    build(changed, 2, &GENEROUS, other);
    sage_vocab *a = opened(path), *b = opened(other);
    assert_true(sage_vocab_hash(a) != sage_vocab_hash(b));
    sage_vocab_close(a);
    sage_vocab_close(b);
}

/* ---- damage ---- */

static void put_file(const char *data, size_t n) { /* without a sync: there are hundreds */
    FILE *file = fopen(other, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void every_flipped_byte_is_refused(void **state) {
    (void)state;
    const char *documents[] = {"oak table", "oak chair"};
    build(documents, 2, &GENEROUS, path);
    char *data;
    size_t n;
    assert_int_equal(sage_fs_read_all(path, 1 << 24, &data, &n, NULL), SAGE_OK);
    size_t refused = 0;
    for (size_t i = 0; i <= n; i += 1 + i / 256) {
        sage_vocab *vocab;
        if (i < n) data[i] ^= 0x20;
        put_file(data, i < n ? n : n - 1);
        sage_status st = sage_vocab_open(other, &vocab, NULL);
        assert_true(st == SAGE_OK || st == SAGE_E_FORMAT); /* padding between sections belongs to nobody */
        refused += st != SAGE_OK;
        sage_vocab_close(vocab);
        if (i < n) data[i] ^= 0x20;
    }
    assert_true(refused > 100);
    sage_free(data);
}

/* A file whose checksums are right but whose content is not: what an inner check must find. */
static sage_status open_made(const sage_vocab_info *info, const uint32_t *offsets, size_t n_offsets, const char *bytes,
                             const uint32_t *df, size_t n_df, const uint64_t *slots, size_t n_slots) {
    sage_packed_writer *w;
    assert_int_equal(sage_packed_create(path, SAGE_VOCAB_MAGIC, SAGE_VOCAB_VERSION, SAGE_VOCAB_SECTIONS, &w, NULL),
                     SAGE_OK);
    assert_int_equal(sage_packed_section(w, "info", sizeof *info, NULL), SAGE_OK);
    assert_int_equal(sage_packed_add(w, info, sizeof *info, NULL), SAGE_OK);
    assert_int_equal(sage_packed_section(w, "offsets", 4, NULL), SAGE_OK);
    assert_int_equal(sage_packed_add(w, offsets, n_offsets * 4, NULL), SAGE_OK);
    assert_int_equal(sage_packed_section(w, "bytes", 1, NULL), SAGE_OK);
    assert_int_equal(sage_packed_add(w, bytes, strlen(bytes), NULL), SAGE_OK);
    assert_int_equal(sage_packed_section(w, "df", 4, NULL), SAGE_OK);
    assert_int_equal(sage_packed_add(w, df, n_df * 4, NULL), SAGE_OK);
    assert_int_equal(sage_packed_section(w, "slots", 8, NULL), SAGE_OK);
    assert_int_equal(sage_packed_add(w, slots, n_slots * 8, NULL), SAGE_OK);
    assert_int_equal(sage_packed_finish(w, NULL), SAGE_OK);
    sage_vocab *vocab;
    sage_status st = sage_vocab_open(path, &vocab, NULL);
    sage_vocab_close(vocab);
    return st;
}

static void well_summed_nonsense_is_refused(void **state) {
    (void)state;
    const sage_vocab_info good = {5, {0, 1, 1, 2}, 0};
    sage_vocab_info info = good;
    uint32_t offsets[] = {0, 2, 5}, df[] = {5, 1};
    uint64_t slots[] = {0, UINT64_MAX, 1, UINT64_MAX};
#define OPEN() open_made(&info, offsets, 3, "abcde", df, 2, slots, 4)
    assert_int_equal(OPEN(), SAGE_OK);
    info.begin[1] = 3;
    assert_int_equal(OPEN(), SAGE_E_FORMAT);
    info = good;
    info.begin[0] = 1;
    assert_int_equal(OPEN(), SAGE_E_FORMAT);
    info = good;
    info.begin[3] = UINT64_MAX;
    assert_int_equal(OPEN(), SAGE_E_FORMAT);
    info = good;
    offsets[1] = 6;
    assert_int_equal(OPEN(), SAGE_E_FORMAT);
    offsets[1] = 0;
    assert_int_equal(OPEN(), SAGE_E_FORMAT);
    offsets[1] = 2;
    offsets[2] = 4;
    assert_int_equal(OPEN(), SAGE_E_FORMAT);
    offsets[2] = 5;
    df[0] = 6;
    assert_int_equal(OPEN(), SAGE_E_FORMAT);
    df[0] = 0;
    assert_int_equal(OPEN(), SAGE_E_FORMAT);
    df[0] = 5;
    slots[0] = 2;
    assert_int_equal(OPEN(), SAGE_E_FORMAT);
    slots[0] = 0;
    slots[1] = 1;
    assert_int_equal(OPEN(), SAGE_E_FORMAT);
    slots[1] = UINT64_MAX;
    assert_int_equal(OPEN(), SAGE_OK);
    assert_int_equal(open_made(&info, offsets, 3, "abcde", df, 2, slots, 3), SAGE_E_FORMAT);
    assert_int_equal(open_made(&info, offsets, 3, "abcde", df, 2, slots, 0), SAGE_E_FORMAT);
    assert_int_equal(open_made(&info, offsets, 2, "abcde", df, 2, slots, 4), SAGE_E_FORMAT);
    assert_int_equal(open_made(&info, offsets, 3, "abcd", df, 2, slots, 4), SAGE_E_FORMAT);
#undef OPEN
}

/* ---- faults ---- */

static sage_status small_build(void) {
    static const char *const documents[] = {"oak table of ash", "oak chair in the hall", "a lamp"};
    sage_vocab_limits limits = {{100, 100, 100}, {1, 1, 1}, 1};
    sage_vocab_builder *builder = NULL;
    sage_str words[3][8];
    size_t n_words[3] = {0};
    for (size_t d = 0; d < 3; d++) { /* by hand, so that only the builder allocates */
        for (const char *at = documents[d]; *at != '\0'; at += strspn(at, " ")) {
            size_t len = strcspn(at, " ");
            words[d][n_words[d]++] = (sage_str){at, len};
            at += len;
        }
    }
    sage_status st = sage_vocab_builder_new(&limits, dir, &builder, NULL);
    for (size_t d = 0; d < 3 && st == SAGE_OK; d++) {
        st = sage_vocab_builder_text(builder, words[d], n_words[d], NULL);
        if (st == SAGE_OK) st = sage_vocab_builder_end_document(builder, NULL);
    }
    if (st == SAGE_OK) st = sage_vocab_builder_write(builder, other, NULL, NULL);
    sage_vocab_builder_free(builder);
    sage_vocab *vocab = NULL;
    if (st == SAGE_OK) st = sage_vocab_open(other, &vocab, NULL);
    sage_vocab_close(vocab);
    return st;
}

static void each_allocation_failed_in_turn(void **state) {
    (void)state;
    sage_alloc_fail_from(0);
    assert_int_equal(small_build(), SAGE_OK);
    unsigned long n = sage_alloc_fail_from(0);
    assert_true(n > 10);
    for (unsigned long i = 1; i <= n; i++) {
        sage_alloc_fail_from(i);
        sage_status st = small_build();
        sage_alloc_fail_from(0);
        assert_int_equal(st, SAGE_E_MEMORY);
        size_t left = 0;
        assert_int_equal(sage_fs_list(dir, count_entry, &left, NULL), SAGE_OK);
        assert_int_equal(left, 0);
    }
}

static void each_file_operation_failed_in_turn(void **state) {
    (void)state;
    sage_fault_arm(SAGE_FAULT_NONE, 0);
    assert_int_equal(small_build(), SAGE_OK);
    uint64_t n = sage_fault_calls();
    assert_true(n > 10);
    size_t failed = 0;
    for (uint64_t i = 1; i <= n; i++) {
        sage_fault_arm(SAGE_FAULT_ERROR, i);
        sage_status st = small_build();
        sage_fault_arm(SAGE_FAULT_NONE, 0);
        assert_true(st == SAGE_OK || st == SAGE_E_IO); /* a run that cannot be unlinked harms nobody */
        failed += st != SAGE_OK;
    }
    assert_true(failed > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_by_kind_then_frequency_then_bytes),
        cmocka_unit_test(least_document_counts_per_kind),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(little_memory_gives_the_same_file),
        cmocka_unit_test(the_most_frequent_are_kept_with_true_counts),
        cmocka_unit_test(the_hash_tells_contents_apart),
        cmocka_unit_test(every_flipped_byte_is_refused),
        cmocka_unit_test(well_summed_nonsense_is_refused),
        cmocka_unit_test(each_allocation_failed_in_turn),
        cmocka_unit_test(each_file_operation_failed_in_turn),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
