/* The inbox: entries come back in order and whole, by many writers at once, over restarts, and after bytes were lost.
 */
#include <pthread.h>
#include <shop/inbox_format.h>
#include <support/scratch_dir.h>
#include <support/test.h>

static sage_error error;

static void add(sage_inbox *inbox, const char *text) {
    sage_inbox_entry entry = {.kind = SAGE_INBOX_EVENT, .text = {text, strlen(text)}};
    if (sage_inbox_add(inbox, &entry, 1, &error) != SAGE_OK) fail_msg("%s", error.text);
    assert_true(entry.number > 0);
}

static sage_inbox *open_inbox(void) {
    sage_inbox *inbox;
    if (sage_inbox_open(sage_inbox_events(dir), 0, &inbox, &error) != SAGE_OK) fail_msg("%s", error.text);
    return inbox;
}

typedef struct seen {
    char text[4096];
    uint64_t last;
    size_t n;
} seen;

static sage_status see(void *ctx, const sage_inbox_entry *entry, sage_error *e) {
    seen *s = ctx;
    (void)e;
    assert_true(entry->number > s->last && entry->kind == SAGE_INBOX_EVENT);
    s->last = entry->number;
    s->n++;
    if (strlen(s->text) + entry->text.len + 2 < sizeof s->text) {
        strncat(s->text, entry->text.data, entry->text.len);
        strcat(s->text, " ");
    }
    return SAGE_OK;
}

/* What is read behind `after`; *gaps may be NULL. */
static seen read_all(uint64_t after, sage_inbox_gaps *gaps) {
    seen s = {.last = after};
    uint64_t last;
    sage_inbox_gaps found;
    if (sage_inbox_read(sage_inbox_events(dir), after, see, &s, &last, &found, &error) != SAGE_OK)
        fail_msg("%s", error.text);
    assert_int_equal(last, s.last);
    if (gaps != NULL) *gaps = found;
    return s;
}

static void comes_back_in_order(void **state) {
    (void)state;
    uint64_t folded;
    assert_string_equal(read_all(0, NULL).text, "");
    sage_inbox *inbox = open_inbox(), *other;
    assert_int_equal(sage_inbox_open(sage_inbox_events(dir), 0, &other, &error), SAGE_E_LOCKED);
    add(inbox, "one");
    add(inbox, "two");
    assert_string_equal(read_all(0, NULL).text, "one two ");
    sage_inbox_close(inbox);
    inbox = open_inbox();
    add(inbox, "three");
    assert_string_equal(read_all(0, NULL).text, "one two three ");
    assert_string_equal(read_all(2, NULL).text, "three ");
    /* What is in the catalogue goes; what has not come there stays, and so does the file that is being written. */
    assert_int_equal(sage_inbox_set_folded(sage_inbox_events(dir), 2, &error), SAGE_OK);
    assert_string_equal(read_all(0, NULL).text, "three ");
    assert_int_equal(sage_inbox_set_folded(sage_inbox_events(dir), 3, &error), SAGE_OK);
    assert_string_equal(read_all(0, NULL).text, "three ");
    assert_int_equal(sage_inbox_folded(sage_inbox_events(dir), &folded, &error), SAGE_OK);
    assert_int_equal(folded, 3);
    sage_inbox_tidy(inbox);
    assert_string_equal(read_all(0, NULL).text, "");
    add(inbox, "four");
    assert_int_equal(read_all(3, NULL).last, 4);
    sage_inbox_close(inbox);
    assert_int_equal(sage_inbox_set_folded(sage_inbox_events(dir), 4, &error), SAGE_OK);
    assert_string_equal(read_all(0, NULL).text, ""); /* nobody writes, so all of it goes */
    inbox = open_inbox();
    add(inbox, "five");
    assert_int_equal(read_all(4, NULL).last, 5); /* numbers go on */
    sage_inbox_close(inbox);
}

static void *add_many(void *ctx) {
    for (int i = 0; i < 50; i++) {
        sage_inbox_entry two[2] = {{.kind = SAGE_INBOX_EVENT, .text = SAGE_STR("a")},
                                   {.kind = SAGE_INBOX_EVENT, .text = SAGE_STR("b")}};
        if (sage_inbox_add(ctx, two, 2, NULL) != SAGE_OK || two[1].number != two[0].number + 1) return ctx;
    }
    return NULL;
}

static void many_write_at_once(void **state) {
    (void)state;
    pthread_t threads[4];
    void *failed;
    sage_inbox *inbox = open_inbox();
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, add_many, inbox), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    const seen s = read_all(0, NULL);
    assert_int_equal(s.n, 400);
    assert_true(s.text[0] == 'a' && strstr(s.text, "a a") == NULL); /* pairs stay together */
    sage_inbox_close(inbox);
}

static char *write_three(char path[SAGE_PATH_MAX], size_t *n) {
    sage_inbox *inbox = open_inbox();
    add(inbox, "first");
    add(inbox, "second");
    add(inbox, "third");
    sage_inbox_close(inbox);
    assert_int_equal(sage_inbox_path(sage_inbox_events(dir), 1, path, &error), SAGE_OK);
    return scratch_read(path, n);
}

/* Cut anywhere, what is read is the beginning of what was written. */
static void reads_what_is_left(void **state) {
    (void)state;
    static const char whole[] = "first second third ";
    char path[SAGE_PATH_MAX];
    sage_inbox_gaps gaps;
    size_t n;
    char *data = write_three(path, &n);
    for (size_t at = 0; at < n; at++) {
        scratch_write(path, data, at);
        const seen s = read_all(0, &gaps);
        assert_memory_equal(s.text, whole, strlen(s.text));
        assert_true(s.n < 3 && gaps.damaged == 0);
        assert_true(gaps.cut > 0 || at == 0 || s.text[0] != '\0' || at == SAGE_INBOX_HEADER_BYTES);
    }
    uint64_t last;
    scratch_write(path, "something else, which is long enough", 36);
    assert_int_equal(sage_inbox_read(sage_inbox_events(dir), 0, see, &(seen){.n = 0}, &last, &gaps, &error),
                     SAGE_E_FORMAT);
    sage_free(data);
}

/* A changed byte takes its own entry and no other, and is told. */
static void reads_what_is_behind_damage(void **state) {
    (void)state;
    static const char *const left[] = {"second third ", "first third ", "first second "};
    static const size_t bytes[] = {SAGE_INBOX_ENTRY_BYTES + 5, SAGE_INBOX_ENTRY_BYTES + 6, SAGE_INBOX_ENTRY_BYTES + 5};
    char path[SAGE_PATH_MAX];
    sage_inbox_gaps gaps;
    size_t n, at = SAGE_INBOX_HEADER_BYTES;
    char *data = write_three(path, &n);
    for (size_t entry = 0; entry < 3; entry++)
        for (const size_t end = at + bytes[entry]; at < end; at++) {
            data[at] ^= 0x20;
            scratch_write(path, data, n);
            data[at] ^= 0x20;
            assert_string_equal(read_all(0, &gaps).text, left[entry]);
            assert_int_equal(gaps.damaged, entry < 2 ? bytes[entry] : 0);
            assert_int_equal(gaps.cut, entry < 2 ? 0 : bytes[entry]);
            if (entry < 2) assert_int_equal(gaps.behind, entry);
        }
    assert_int_equal(at, n);
    data[SAGE_INBOX_HEADER_BYTES + 3] ^= 1;
    scratch_write(path, data, n);
    sage_inbox *inbox = open_inbox(); /* goes on behind what is behind the damage */
    add(inbox, "fourth");
    sage_inbox_close(inbox);
    const seen s = read_all(0, NULL);
    assert_string_equal(s.text, "second third fourth ");
    assert_int_equal(s.last, 4);
    assert_string_equal(read_all(2, &gaps).text, "third fourth ");
    assert_int_equal(gaps.damaged, 0); /* that was told when 2 was read */
    sage_free(data);
}

static void refuses_what_is_too_long(void **state) {
    (void)state;
    sage_inbox *inbox = open_inbox();
    char *text = sage_alloc_zero(1, SAGE_INBOX_ENTRY_MAX + 1);
    sage_inbox_entry two[2] = {{.kind = SAGE_INBOX_EVENT, .text = SAGE_STR("short")},
                               {.kind = SAGE_INBOX_EVENT, .text = {text, SAGE_INBOX_ENTRY_MAX + 1}}};
    assert_int_equal(sage_inbox_add(inbox, two, 2, &error), SAGE_E_LIMIT);
    add(inbox, "next");
    assert_string_equal(read_all(0, NULL).text, "next "); /* all of them or none */
    sage_inbox_close(inbox);
    sage_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_back_in_order, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(many_write_at_once, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(reads_what_is_left, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(reads_what_is_behind_damage, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(refuses_what_is_too_long, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
