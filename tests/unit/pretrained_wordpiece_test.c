#include <pretrained/wordpiece.h>
#include <support/scratch_dir.h>
#include <support/test.h>

#define VOCAB                                                                                                          \
    "{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"oak\":5,\"table\":6,\"##s\":7,\"chair\":8,"       \
    "\"a\":9,\"b\":10,\"##b\":11,\"foo\":12,\"bar\":13,\".\":14,\"house\":15,\"##ing\":16,\"\\u00e9\":17}"
#define MODEL                                                                                                          \
    "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","                            \
    "\"max_input_chars_per_word\":8,\"vocab\":" VOCAB "}"
#define NORMALIZER                                                                                                     \
    "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":null,"           \
    "\"lowercase\":true}"
#define ADDED                                                                                                          \
    "[{\"id\":2,\"content\":\"[CLS]\",\"normalized\":false,\"special\":true},"                                         \
    "{\"id\":15,\"content\":\"house\",\"normalized\":true,\"single_word\":true},"                                      \
    "{\"id\":18,\"content\":\"<oak>\",\"normalized\":false},"                                                          \
    "{\"id\":19,\"content\":\"\\u00c9lan vital\",\"normalized\":true},"                                                \
    "{\"id\":20,\"content\":\"oakwood\",\"normalized\":false,\"single_word\":true}]"
#define CUTTER "{\"type\":\"BertPreTokenizer\"}"
#define ENDS   "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]}"
#define TEMPLATE                                                                                                       \
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},"                \
    "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}}],"                \
    "\"special_tokens\":{\"[CLS]\":{\"id\":\"[CLS]\",\"ids\":[2]},\"[SEP]\":{\"id\":\"[SEP]\",\"ids\":[3]}}}"
#define WHOLE(added, normalizer, cutter, ends, model)                                                                  \
    "{\"version\":\"1.0\",\"truncation\":null,\"added_tokens\":" added ",\"normalizer\":" normalizer                   \
    ",\"pre_tokenizer\":" cutter ",\"post_processor\":" ends ",\"model\":" model "}"
#define TOKENIZER   WHOLE(ADDED, NORMALIZER, CUTTER, ENDS, MODEL)
#define SMALL_VOCAB "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\noak\ntable\n##s\nA\n"

/* NULL: no such file. */
static void files(const char *tokenizer, const char *vocab, const char *config) {
    const char *const names[] = {"tokenizer.json", "vocab.txt", "tokenizer_config.json"};
    const char *const content[] = {tokenizer, vocab, config};
    for (size_t i = 0; i < 3; i++) {
        const char *path = scratch_path(dir, names[i]);
        unlink(path);
        if (content[i] != NULL) scratch_write(path, content[i], strlen(content[i]));
    }
}

static sage_wordpiece *opened(void) {
    sage_wordpiece *wordpiece;
    sage_error error = {0};
    if (sage_wordpiece_open(dir, &wordpiece, &error) != SAGE_OK) fail_msg("%s: %s", error.source, error.text);
    return wordpiece;
}

static void expect_ids(const sage_wordpiece *wordpiece, const char *text, size_t size, size_t max_tokens,
                       const uint32_t *wanted, size_t n_wanted) {
    uint32_t ids[32];
    assert_true(max_tokens <= 32);
    size_t n = sage_wordpiece_ids(wordpiece, text, size, max_tokens, ids);
    if (n != n_wanted) fail_msg("\"%s\" gives %zu ids, not %zu", text, n, n_wanted);
    for (size_t i = 0; i < n; i++) {
        if (ids[i] != wanted[i]) fail_msg("\"%s\": id %zu is %u, not %u", text, i, ids[i], wanted[i]);
    }
}
#define EXPECT(wordpiece, text, ...)                                                                                   \
    do {                                                                                                               \
        const uint32_t wanted[] = {__VA_ARGS__};                                                                       \
        expect_ids(wordpiece, text, sizeof(text) - 1, 32, wanted, sizeof wanted / sizeof *wanted);                     \
    } while (0)

/* ---- what the tokenizers library gives ---- */

static void words_and_pieces(void **state) {
    (void)state;
    files(TOKENIZER, NULL, NULL);
    sage_wordpiece *w = opened();
    EXPECT(w, "", 2, 3);
    EXPECT(w, " \t\n", 2, 3);
    EXPECT(w, "Oak TABLES.", 2, 5, 6, 7, 14, 3);
    EXPECT(w, "tables\0s", 2, 6, 7, 7, 3); /* a control character parts no word */
    EXPECT(w,
           "t\xC3\xA1"
           "bl\xCC\x81"
           "e",
           2, 6, 3);                           /* accents fall away, precomposed or not */
    EXPECT(w, "tables tablex", 2, 6, 7, 1, 3); /* one bad part and the whole word is unknown */
    EXPECT(w, "abbbbbbb", 2, 9, 11, 11, 11, 11, 11, 11, 11, 3);
    EXPECT(w, "abbbbbbbb", 2, 1, 3); /* more than 8 characters */
    EXPECT(w, "\xE6\x9C\xA8oak\xE6\xA1\x8C", 2, 1, 5, 1, 3);
    EXPECT(w,
           "oak\xE2\x80\x93"
           "oak",
           2, 5, 1, 5, 3);
    sage_wordpiece_free(w);
}

static void added_tokens(void **state) {
    (void)state;
    files(TOKENIZER, NULL, NULL);
    sage_wordpiece *w = opened();
    EXPECT(w, "a [SEP] b", 2, 9, 3, 10, 3);
    EXPECT(w, "[SEP]oak[CLS]", 2, 3, 5, 2, 3);
    EXPECT(w, "houses house HOUSE, house", 2, 15, 7, 15, 15, 1, 15, 3);
    EXPECT(w, "\xC3\x89lan vital", 2, 19, 3);
    EXPECT(w, "xELAN VITAL.", 2, 1, 19, 14, 3);
    EXPECT(w, "elan  vital", 2, 1, 1, 3);
    EXPECT(w, "elan\tvital", 2, 19, 3);
    EXPECT(w, "<oak><OAK>", 2, 18, 1, 5, 1, 3);
    EXPECT(w, "oakwood oakwoods oakwood.", 2, 20, 1, 20, 14, 3);
    assert_int_equal(sage_wordpiece_about(w)->vocabulary, 21);
    sage_wordpiece_free(w);
}

static void bytes_that_are_not_utf8(void **state) {
    (void)state;
    files(TOKENIZER, NULL, NULL);
    sage_wordpiece *w = opened();
    EXPECT(w,
           "ta\xFF"
           "ble",
           2, 6, 3);
    EXPECT(w, "oak\xE2\x80", 2, 5, 3);
    EXPECT(w, "\xED\xA0\x80oak \xF8table\xC0\x80", 2, 5, 6, 3);
    EXPECT(w, "\xF0\x9F\x98oak", 2, 5, 3);
    sage_wordpiece_free(w);
}

static void cut_to_max_tokens(void **state) {
    (void)state;
    files(TOKENIZER, NULL, NULL);
    sage_wordpiece *w = opened();
    static const char text[] = "oak tables <oak> chair unknown";
    const uint32_t all[] = {2, 5, 6, 7, 18, 8, 1};
    for (size_t max = 0; max < 12; max++) {
        uint32_t wanted[9];
        size_t n = max < 2 ? 0 : max < 8 ? max : 8;
        memcpy(wanted, all, sizeof all);
        if (n > 0) wanted[n - 1] = 3;
        expect_ids(w, text, strlen(text), max, wanted, n);
    }
    sage_wordpiece_free(w);
}

/* ---- the files ---- */

static void a_template_says_the_same(void **state) {
    (void)state;
    files(WHOLE(ADDED, NORMALIZER, CUTTER, TEMPLATE, MODEL), NULL, NULL);
    sage_wordpiece *w = opened();
    EXPECT(w, "oak", 2, 5, 3);
    sage_wordpiece_free(w);
    files(WHOLE("[]", NORMALIZER, CUTTER, "null", MODEL), NULL, NULL);
    w = opened();
    EXPECT(w, "oak [MASK]", 2, 5, 4, 3);
    sage_wordpiece_free(w);
}

static void a_plain_vocabulary(void **state) {
    (void)state;
    files(NULL, SMALL_VOCAB, NULL);
    sage_wordpiece *w = opened();
    EXPECT(w, "Oak tables a", 2, 5, 6, 7, 1, 3);
    assert_int_equal(sage_wordpiece_about(w)->vocabulary, 9);
    assert_int_equal(sage_wordpiece_about(w)->max_tokens, 0);
    assert_true(sage_wordpiece_about(w)->lower_case);
    sage_wordpiece_free(w);

    files(NULL, "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\noak\r\ntable\r\n\r\noak",
          NULL); /* of equal ones the last counts */
    w = opened();
    EXPECT(w, "Oak table", 2, 7, 5, 3);
    sage_wordpiece_free(w);
}

static void what_the_config_says(void **state) {
    (void)state;
    files(NULL, SMALL_VOCAB, "{\"do_lower_case\": false, \"model_max_length\": 12}");
    sage_wordpiece *w = opened();
    EXPECT(w, "oak Oak A", 2, 5, 1, 8, 3);
    assert_int_equal(sage_wordpiece_about(w)->max_tokens, 12);
    sage_wordpiece_free(w);

    files(TOKENIZER, NULL, "{\"strip_accents\": false, \"model_max_length\": 1000000000000000019884624838656}");
    w = opened();
    EXPECT(w, "\xC3\x89 oak", 2, 17, 5, 3);
    assert_int_equal(sage_wordpiece_about(w)->max_tokens, 0);
    sage_wordpiece_free(w);

    files(TOKENIZER, NULL, "{\"strip_accents\": false, \"tokenizer_class\": \"PreTrainedTokenizerFast\"}");
    w = opened();
    EXPECT(w, "\xC3\x89 oak", 2, 1, 5, 3);
    sage_wordpiece_free(w);

    files(NULL, SMALL_VOCAB,
          "{\"unk_token\": \"oak\", \"mask_token\": {\"content\": \"table\"}, \"added_tokens_decoder\": "
          "{\"9\": {\"content\": \"<x>\"}}}");
    w = opened();
    EXPECT(w, "none xtablex<x>", 2, 5, 5, 6, 5, 9, 3);
    sage_wordpiece_free(w);
}

static void expect_refused(const char *tokenizer, const char *vocab, const char *config, sage_status status,
                           const char *text) {
    sage_wordpiece *w = (sage_wordpiece *)1;
    sage_error error = {0};
    files(tokenizer, vocab, config);
    assert_int_equal(sage_wordpiece_open(dir, &w, &error), status);
    assert_null(w);
    if (strstr(error.text, text) == NULL) fail_msg("\"%s\" does not say \"%s\"", error.text, text);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    const sage_status F = SAGE_E_FORMAT;
    expect_refused(NULL, NULL, NULL, SAGE_E_NOT_FOUND, "neither a tokenizer.json nor a vocab.txt");
    expect_refused("{}", NULL, NULL, F, "its model is absent where WordPiece is needed");
    expect_refused("[", NULL, NULL, F, "not valid JSON");
    expect_refused(WHOLE(ADDED, NORMALIZER, CUTTER, ENDS, "{\"type\":\"BPE\"}"), NULL, NULL, F, "its model is BPE");
    expect_refused(WHOLE(ADDED, "{\"type\":\"NFC\"}", CUTTER, ENDS, MODEL), NULL, NULL, F, "its normalizer is NFC");
    expect_refused(WHOLE(ADDED, "null", CUTTER, ENDS, MODEL), NULL, NULL, F, "its normalizer is absent");
    expect_refused(WHOLE(ADDED, NORMALIZER, "null", ENDS, MODEL), NULL, NULL, F, "its pre_tokenizer is absent");
    expect_refused(WHOLE(ADDED, NORMALIZER, CUTTER, "{\"type\":\"RobertaProcessing\"}", MODEL), NULL, NULL, F,
                   "its post_processor is RobertaProcessing");
    expect_refused(WHOLE(ADDED, NORMALIZER, CUTTER, "{\"type\":\"TemplateProcessing\",\"single\":[]}", MODEL), NULL,
                   NULL, F, "one special token on each side");
    expect_refused(WHOLE("[{\"id\":77,\"content\":\"new\"}]", NORMALIZER, CUTTER, ENDS, MODEL), NULL, NULL, F,
                   "\"new\" has the id 77 where the tokenizers library gives it 18");
    expect_refused(WHOLE("[{\"id\":18,\"content\":\"new \",\"normalized\":true}]", NORMALIZER, CUTTER, ENDS, MODEL),
                   NULL, NULL, F, "a space at an end");
    expect_refused(WHOLE("[{\"id\":18,\"content\":\"\\u0301\",\"normalized\":true}]", NORMALIZER, CUTTER, ENDS, MODEL),
                   NULL, NULL, F, "nothing once normalised");
    expect_refused(WHOLE("[{\"id\":18,\"content\":\"X\",\"normalized\":true},{\"id\":19,\"content\":\"x\","
                         "\"normalized\":true}]",
                         NORMALIZER, CUTTER, ENDS, MODEL),
                   NULL, NULL, F, "matched by the same text");
    expect_refused(WHOLE("[{\"id\":18}]", NORMALIZER, CUTTER, ENDS, MODEL), NULL, NULL, F, "has no \"content\"");
    expect_refused(TOKENIZER, NULL, "{\"truncation_side\": \"left\"}", F, "truncation_side");
    expect_refused(TOKENIZER, NULL, "{\"do_lower_case\": 1}", F, "neither true nor false");
    expect_refused(TOKENIZER, NULL, "{\"model_max_length\": 1}", F, "model_max_length");
    expect_refused(NULL, SMALL_VOCAB, "{\"tokenizer_class\": \"MPNetTokenizer\"}", F, "tokenizer_class is MPNet");
    expect_refused(NULL, SMALL_VOCAB, "{\"do_basic_tokenize\": false}", F, "do_basic_tokenize");
    expect_refused(NULL, "[PAD]\noak\n", NULL, F, "no token \"[UNK]\"");
    expect_refused(NULL, "[UNK]\n[CLS]\noak\n", NULL, F, "no token \"[SEP]\"");
    expect_refused(NULL, "", NULL, F, "no token \"[UNK]\"");
    expect_refused(NULL, "[UNK]\n\xFF\n", NULL, F, "byte 7 is not UTF-8");
}

static void bad_models_are_refused(void **state) {
    (void)state;
    const sage_status F = SAGE_E_FORMAT;
#define OF_MODEL(max, vocab)                                                                                           \
    WHOLE("[]", NORMALIZER, CUTTER, ENDS,                                                                              \
          "{\"type\":\"WordPiece\",\"unk_token\":\"a\",\"continuing_subword_prefix\":\"\","                            \
          "\"max_input_chars_per_word\":" max ",\"vocab\":" vocab "}")
    expect_refused(OF_MODEL("8", "{\"a\":0,\"b\":0}"), NULL, NULL, F, "\"a\" and \"b\" share the id 0");
    expect_refused(OF_MODEL("8", "{\"a\":0.5}"), NULL, NULL, F, "a token's id");
    expect_refused(OF_MODEL("8", "{\"a\":-1}"), NULL, NULL, F, "a token's id");
    expect_refused(OF_MODEL("8", "{\"a\":16777216}"), NULL, NULL, F, "a token's id");
    expect_refused(OF_MODEL("8", "{\"a\":1e300}"), NULL, NULL, F, "a token's id");
    expect_refused(OF_MODEL("8", "{\"b\":1}"), NULL, NULL, F, "no token \"a\"");
    expect_refused(OF_MODEL("8", "[]"), NULL, NULL, F, "no \"vocab\"");
    expect_refused(OF_MODEL("513", "{\"a\":0}"), NULL, NULL, F, "max_input_chars_per_word");
#undef OF_MODEL
}

/* ---- damage ---- */

static void cut_anywhere(void **state) {
    (void)state;
    char *text = strdup(TOKENIZER);
    for (size_t n = strlen(text) - 1; n > 0; n--) {
        text[n] = '\0';
        expect_refused(text, NULL, NULL, SAGE_E_FORMAT, "");
    }
    free(text);
}

static void every_byte_changed(void **state) {
    (void)state;
    char *text = strdup(TOKENIZER);
    size_t refused = 0;
    for (size_t i = 0; text[i] != '\0'; i++) {
        sage_wordpiece *w;
        sage_error error = {0};
        text[i] ^= 1 + i % 2;
        files(text, NULL, NULL);
        sage_status st = sage_wordpiece_open(dir, &w, &error);
        assert_true(st == SAGE_OK || ((st == SAGE_E_FORMAT || st == SAGE_E_LIMIT) && error.text[0] != '\0'));
        if (st == SAGE_OK) {
            uint32_t ids[16];
            size_t n = sage_wordpiece_ids(w, "oak tables <oak> house elan vital", 33, 16, ids);
            for (size_t k = 0; k < n; k++) assert_true(ids[k] < sage_wordpiece_about(w)->vocabulary);
        }
        refused += st != SAGE_OK;
        sage_wordpiece_free(w);
        text[i] ^= 1 + i % 2;
    }
    assert_true(refused > strlen(text) / 3);
    free(text);
}

static void each_allocation_failed_in_turn(void **state) {
    (void)state;
    const char *const vocab[] = {NULL, SMALL_VOCAB};
    for (size_t kind = 0; kind < 2; kind++) {
        files(kind == 0 ? TOKENIZER : NULL, vocab[kind], "{}");
        sage_wordpiece *w;
        sage_alloc_fail_from(0);
        assert_int_equal(sage_wordpiece_open(dir, &w, NULL), SAGE_OK);
        sage_wordpiece_free(w);
        unsigned long n = sage_alloc_fail_from(0);
        assert_true(n > 10);
        for (unsigned long i = 1; i <= n; i++) {
            sage_alloc_fail_from(i);
            assert_int_equal(sage_wordpiece_open(dir, &w, NULL), SAGE_E_MEMORY);
            assert_null(w);
        }
        sage_alloc_fail_from(0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_pieces),         cmocka_unit_test(added_tokens),
        cmocka_unit_test(bytes_that_are_not_utf8),  cmocka_unit_test(cut_to_max_tokens),
        cmocka_unit_test(a_template_says_the_same), cmocka_unit_test(a_plain_vocabulary),
        cmocka_unit_test(what_the_config_says),     cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(bad_models_are_refused),   cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(every_byte_changed),       cmocka_unit_test(each_allocation_failed_in_turn),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
