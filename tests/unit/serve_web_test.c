/* The page's files: all of them are in the program, whole, and keep to the policy that they are sent with. */
#include <serve/web.h>
#include <support/scratch.h>
#include <support/test.h>

static bool holds(const sage_web_file *file, const char *text) {
    return memmem(file->bytes.data, file->bytes.len, text, strlen(text)) != NULL;
}

static void test_all_files_are_there(void **state) {
    (void)state;
    const sage_web_file *page = sage_web_find("/");
    assert_non_null(page);
    assert_string_equal(page->type, "text/html; charset=utf-8");
    for (size_t i = 0; i < sage_web_n_files; i++) {
        const sage_web_file *file = &sage_web_files[i];
        char source[SAGE_PATH_MAX];
        snprintf(source, sizeof source, "%s/../src/serve%s", getenv("SAGE_TEST_DIR"),
                 strcmp(file->path, "/") == 0 ? "/web/index.html" : file->path);
        assert_true(scratch_holds(source, file->bytes.data, file->bytes.len));
        assert_ptr_equal(sage_web_find(file->path), file);
        assert_int_equal(strlen(file->etag), 18);
        for (size_t j = 0; j < i; j++) assert_string_not_equal(file->etag, sage_web_files[j].etag);
    }
    assert_null(sage_web_find("/web/index.html"));
    assert_null(sage_web_find("/web/"));
    assert_null(sage_web_find("/web/../web.c"));
}

/* What a module imports, and what the page asks for, is a file too. */
static void test_nothing_is_missing(void **state) {
    (void)state;
    for (size_t i = 0; i < sage_web_n_files; i++) {
        const sage_str bytes = sage_web_files[i].bytes;
        for (const char *at = bytes.data; (at = memmem(at, (size_t)(bytes.data + bytes.len - at), "from './", 8));) {
            char path[64];
            at += 8;
            const char *end = memchr(at, '\'', (size_t)(bytes.data + bytes.len - at));
            assert_non_null(end);
            snprintf(path, sizeof path, "/web/%.*s", (int)(end - at), at);
            if (sage_web_find(path) == NULL) fail_msg("%s imports %s", sage_web_files[i].path, path);
        }
    }
    const sage_web_file *page = sage_web_find("/");
    assert_true(holds(page, "\"/web/app.js\"") && holds(page, "\"/web/style.css\"") &&
                holds(page, "\"/web/icon.svg\""));
    assert_non_null(sage_web_find("/web/app.js"));
    assert_non_null(sage_web_find("/web/style.css"));
    assert_non_null(sage_web_find("/web/icon.svg"));
}

/* Inline scripts, styles and handlers would be refused by the policy; what is made of texts as markup could be a
 * feed's. */
static void test_the_policy_holds(void **state) {
    (void)state;
    static const char *const never[] = {"style=\"",       "onclick=\"", "onload=\"",   "<style",
                                        "javascript:",    "innerHTML",  "outerHTML",   "insertAdjacentHTML",
                                        "document.write", "eval(",      "new Function"};
    for (size_t i = 0; i < sage_web_n_files; i++)
        for (size_t n = 0; n < sizeof never / sizeof *never; n++)
            if (holds(&sage_web_files[i], never[n])) fail_msg("%s has %s", sage_web_files[i].path, never[n]);
    assert_non_null(strstr(sage_web_policy, "default-src 'none'"));
    assert_non_null(strstr(sage_web_policy, "script-src 'self';"));
    assert_null(strstr(sage_web_policy, "unsafe"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_files_are_there),
        cmocka_unit_test(test_nothing_is_missing),
        cmocka_unit_test(test_the_policy_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
