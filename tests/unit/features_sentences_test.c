/* Vectors of texts: the encoder's own, each computed once and kept by content. */
#include <features/sentence_cache.h>
#include <features/sentences.h>
#include <pretrained/sentence.h>
#include <pretrained/wordpiece.h>
#include <support/test.h>
#include <support/weights.h>

enum { DIM = 24 };

static char dir[SAGE_PATH_MAX], weights[SAGE_PATH_MAX];
static sage_error error;

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(weights, sizeof weights, "%s", scratch_path(dir, "weights"));
    weights_of_texts(weights, 30);
    return 0;
}

static int clear(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static void must(sage_status st) {
    if (st != SAGE_OK) fail_msg("%s: %s", error.source, error.text);
}

static sage_sentences *opened_as(const char *identity, bool keep, size_t dim) {
    sage_sentences *s;
    const sage_sentence_source source = {.shop_dir = dir,
                                         .encoder_dir = weights,
                                         .name = "tiny",
                                         .identity = identity,
                                         .hold = -1,
                                         .dim = dim,
                                         .keep = keep,
                                         .segment_rows = 512};
    must(sage_sentences_open(&source, NULL, &s, &error));
    return s;
}

static sage_sentences *opened(bool keep) {
    return opened_as("one", keep, DIM);
}

/* `n` different texts of the words that the vocabulary has. */
static void make_texts(size_t from, size_t n, char (*bytes)[64], sage_str *texts) {
    for (size_t i = 0; i < n; i++) {
        size_t k = from + i;
        int len = snprintf(bytes[i], sizeof bytes[i], "word%zu word%zu word%zu", 5 + k % 25, 5 + k / 25 % 25,
                           5 + k / 625 % 25);
        texts[i] = (sage_str){bytes[i], (size_t)len};
    }
}

static float dot(const float *a, const float *b) {
    float sum = 0;
    for (size_t i = 0; i < DIM; i++) sum += a[i] * b[i];
    return sum;
}

/* What the encoder says of one text's tokens. */
static void by_hand(const char *text, float out[DIM]) {
    sage_wordpiece *tokenizer;
    sage_pretrained *network;
    uint32_t ids[64];
    must(sage_wordpiece_open(weights, &tokenizer, &error));
    must(sage_pretrained_open(weights, SAGE_PRECISION_F32, NULL, &network, &error));
    const size_t most = sage_pretrained_about(network)->max_tokens;
    const size_t begin[2] = {0, sage_wordpiece_ids(tokenizer, text, strlen(text), most, ids)};
    must(sage_pretrained_texts(network, 1, ids, begin, out, &error));
    sage_pretrained_free(network);
    sage_wordpiece_free(tokenizer);
}

static void test_vectors_are_the_encoders(void **state) {
    (void)state;
    static const char *const said[] = {
        "word5 word6",           "word7",
        "no word that it knows", "",
        "word5 word6",           "word5 word6 word7 word8 word9 word10 word11 word12 word13 word14 word15"};
    enum { N = sizeof said / sizeof *said };
    sage_str texts[N];
    float out[N][DIM], wanted[DIM];
    sage_sentences *s = opened(true);
    assert_int_equal(sage_sentences_dim(s), DIM);
    assert_string_equal(sage_sentences_name(s), "tiny");
    for (size_t i = 0; i < N; i++) texts[i] = (sage_str){said[i], strlen(said[i])};
    must(sage_sentences_read(s, N, texts, out[0], &error));
    for (size_t i = 0; i < N; i++) {
        if (said[i][0] == '\0') {
            assert_true(dot(out[i], out[i]) == 0);
            continue;
        }
        by_hand(said[i], wanted);
        assert_true(dot(out[i], wanted) > 0.99999f && dot(out[i], out[i]) > 0.99999f);
    }
    assert_true(dot(out[0], out[1]) < 0.9999f);
    assert_int_equal(sage_sentences_computed(s), N - 2); /* one is empty, one comes twice */
    sage_sentences_close(s);
}

static void test_kept_and_not_computed_again(void **state) {
    (void)state;
    enum { N = 1300 }; /* more than two segments */
    static char bytes[N][64];
    static sage_str texts[N];
    static float first[N][DIM], second[N][DIM];
    sage_sentences *s = opened(true);
    make_texts(0, N, bytes, texts);
    must(sage_sentences_read(s, N, texts, first[0], &error));
    assert_int_equal(sage_sentences_computed(s), N);
    must(sage_sentences_commit(s, &error));
    sage_sentences_close(s);
    s = opened(false); /* readers too */
    assert_false(sage_sentences_keeps(s));
    must(sage_sentences_read(s, N, texts, second[0], &error));
    assert_int_equal(sage_sentences_computed(s), 0);
    assert_memory_equal(first, second, sizeof first);
    sage_sentences_close(s);
    s = opened_as("another", false, DIM);
    must(sage_sentences_read(s, 1, texts, second[0], &error));
    assert_int_equal(sage_sentences_computed(s), 1);
    sage_sentences_close(s);
}

/* What was not committed may go; what filled a segment stays without being asked to. */
static void test_segments_stay(void **state) {
    (void)state;
    enum { N = 1100 };
    static char bytes[N][64];
    static sage_str texts[N];
    static float out[N][DIM];
    sage_sentences *s = opened(true);
    make_texts(5000, N, bytes, texts);
    must(sage_sentences_read(s, N, texts, out[0], &error));
    sage_sentences_close(s);
    s = opened(true);
    must(sage_sentences_read(s, N, texts, out[0], &error));
    assert_int_equal(sage_sentences_computed(s), N - 1024);
    sage_sentences_close(s);
}

static void test_a_second_writer_does_not_keep(void **state) {
    (void)state;
    sage_str text = SAGE_STR("word20 word21 word22 word23");
    float out[DIM];
    int ends[2], status;
    char ready = 0;
    assert_int_equal(pipe(ends), 0);
    sage_sentences *s = opened(true);
    assert_true(sage_sentences_keeps(s));
    pid_t pid = fork();
    if (pid == 0) {
        sage_sentences *other = opened(true);
        ready = !sage_sentences_keeps(other) && sage_sentences_read(other, 1, &text, out, &error) == SAGE_OK &&
                sage_sentences_commit(other, &error) == SAGE_OK;
        _exit(write(ends[1], &ready, 1) == 1 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(read(ends[0], &ready, 1), 1);
    assert_true(ready);
    close(ends[0]);
    close(ends[1]);
    sage_sentences_close(s);
    s = opened(false);
    must(sage_sentences_read(s, 1, &text, out, &error));
    assert_int_equal(sage_sentences_computed(s), 1);
    sage_sentences_close(s);
}

/* ---- the cache alone ---- */

static sage_text_key key_of(size_t i) {
    sage_text_key key = {{0}};
    for (size_t b = 0; b < 8; b++) key.bytes[b] = (unsigned char)(i * 0x9E3779B97F4A7C15u >> 8 * b);
    key.bytes[15] = (unsigned char)i;
    return key;
}

static void add(sage_sentence_cache *cache, size_t from, size_t n, float offset) {
    static sage_text_key keys[256];
    static float vectors[256][2];
    for (size_t i = 0; i < n; i++) {
        keys[i] = key_of(from + i);
        vectors[i][0] = (float)(from + i);
        vectors[i][1] = offset;
    }
    must(sage_sentence_cache_add(cache, n, keys, vectors[0], &error));
}

static size_t files_in(const char *folder);

static void test_files_are_few(void **state) {
    (void)state;
    sage_sentence_cache *cache;
    must(sage_sentence_cache_open(dir, "few", 2, true, &cache, &error));
    size_t most = 0;
    for (size_t i = 0; i < 60; i++) {
        add(cache, i * 10, 10, 7);
        if (sage_sentence_cache_files(cache) > most) most = sage_sentence_cache_files(cache);
    }
    assert_true(most <= 7); /* 600 in pieces of 10 */
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < 600; i++) {
            float out[2];
            const sage_text_key key = key_of(i);
            assert_true(sage_sentence_cache_find(cache, &key, out));
            assert_true(out[0] == (float)i && out[1] == 7);
        }
        const sage_text_key other = key_of(600);
        float out[2];
        assert_false(sage_sentence_cache_find(cache, &other, out));
        assert_int_equal(files_in(scratch_path(dir, "sentences/few")), sage_sentence_cache_files(cache));
        sage_sentence_cache_close(cache);
        must(sage_sentence_cache_open(dir, "few", 2, again == 0, &cache, &error));
    }
    sage_sentence_cache_close(cache);
    must(sage_sentence_cache_open(dir, "few", 3, false, &cache, &error)); /* of another width */
    assert_int_equal(sage_sentence_cache_files(cache), 0);
    sage_sentence_cache_close(cache);
}

static sage_status count_file(void *ctx, const char *name, sage_error *e) {
    size_t n = strlen(name);
    (void)e;
    *(size_t *)ctx += n > 4 && strcmp(name + n - 4, ".bin") == 0;
    return SAGE_OK;
}

static size_t files_in(const char *folder) {
    size_t n = 0;
    must(sage_fs_list(folder, count_file, &n, &error));
    return n;
}

/* Each byte of a file in turn is another: never a wrong vector, and what is damaged can be added again. */
static void test_damage_is_passed_over(void **state) {
    (void)state;
    sage_sentence_cache *cache;
    float out[2];
    must(sage_sentence_cache_open(dir, "hurt", 2, true, &cache, &error));
    add(cache, 0, 3, 7);
    sage_sentence_cache_close(cache);
    const char *path = scratch_path(dir, "sentences/hurt/1.bin");
    char kept[SAGE_PATH_MAX];
    snprintf(kept, sizeof kept, "%s", path);
    size_t n, lost = 0;
    char *bytes = scratch_read(kept, &n);
    assert_non_null(bytes);
    for (size_t at = 0; at < n; at++) {
        bytes[at] ^= 0x10;
        scratch_write(kept, bytes, n);
        bytes[at] ^= 0x10;
        must(sage_sentence_cache_open(dir, "hurt", 2, false, &cache, &error));
        for (size_t i = 0; i < 3; i++) {
            const sage_text_key key = key_of(i);
            bool found = sage_sentence_cache_find(cache, &key, out);
            lost += !found;
            assert_true(!found || (out[0] == (float)i && out[1] == 7));
        }
        sage_sentence_cache_close(cache);
    }
    assert_true(lost > 24); /* of the vectors' bytes, each loses its own */
    for (size_t cut = 0; cut < n; cut += 7) {
        scratch_write(kept, bytes, cut);
        must(sage_sentence_cache_open(dir, "hurt", 2, false, &cache, &error));
        assert_int_equal(sage_sentence_cache_files(cache), 0);
        sage_sentence_cache_close(cache);
    }
    bytes[n - 1] ^= 0x10; /* in a vector */
    scratch_write(kept, bytes, n);
    sage_free(bytes);
    must(sage_sentence_cache_open(dir, "hurt", 2, true, &cache, &error));
    add(cache, 0, 3, 7);
    assert_int_equal(sage_sentence_cache_files(cache), 1); /* the damaged row did not come along */
    for (size_t i = 0; i < 3; i++) {
        const sage_text_key key = key_of(i);
        assert_true(sage_sentence_cache_find(cache, &key, out));
    }
    sage_sentence_cache_close(cache);
}

static void test_wrong_encoders(void **state) {
    (void)state;
    sage_str text = SAGE_STR("word5");
    float out[2 * DIM];
    sage_sentence_encoder *encoder;
    sage_sentences *s = opened_as("wide", false, 2 * DIM);
    assert_int_equal(sage_sentences_read(s, 1, &text, out, &error), SAGE_E_ARGUMENT);
    sage_sentences_close(s);
    char pictures[SAGE_PATH_MAX];
    snprintf(pictures, sizeof pictures, "%s", scratch_path(dir, "pictures"));
    weights_of_pictures(pictures);
    assert_int_equal(sage_sentence_encoder_open(pictures, SAGE_PRECISION_F32, NULL, &encoder, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "encoder of pictures"));
    char many[SAGE_PATH_MAX];
    snprintf(many, sizeof many, "%s", scratch_path(dir, "many"));
    weights_of_texts(many, 31);
    assert_int_equal(sage_sentence_encoder_open(many, SAGE_PRECISION_F32, NULL, &encoder, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "take both from one model"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_are_the_encoders),
        cmocka_unit_test(test_kept_and_not_computed_again),
        cmocka_unit_test(test_segments_stay),
        cmocka_unit_test(test_a_second_writer_does_not_keep),
        cmocka_unit_test(test_files_are_few),
        cmocka_unit_test(test_damage_is_passed_over),
        cmocka_unit_test(test_wrong_encoders),
    };
    return cmocka_run_group_tests(tests, ground, clear);
}
