/* Events that come in, and their way into the catalogue, with a fault at every call that changes the file system: what
 * was acknowledged is there afterwards, in the inbox or in the catalogue, and in the catalogue once. */
#include <itemsage/itemsage.h>
#include <shop/inbox.h>
#include <support/scratch_dir.h>
#include <support/test.h>

enum { EVENTS = 3 };

static char prepared[SAGE_PATH_MAX], shop_dir[SAGE_PATH_MAX], told[SAGE_PATH_MAX];

static void fresh(const char *from) {
    char command[4 * SAGE_PATH_MAX + 64];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -R '%s' '%s'", shop_dir, from, shop_dir);
    scratch_must(system(command) == 0, "copy the prepared shop");
}

/* Adds events one after another; a byte in the file `told` (past the seam) for each that was acknowledged. */
static bool add_events(void *ctx) {
    sage_inbox *inbox;
    bool good = sage_inbox_open(sage_inbox_events(shop_dir), 0, &inbox, NULL) == SAGE_OK;
    (void)ctx;
    for (int i = 0; good && i < EVENTS; i++) {
        char text[160];
        const int n =
            snprintf(text, sizeof text,
                     "{\"event_id\": \"e%d\", \"product_id\": \"p1\", \"event\": \"click\", \"user_id\": \"u\"}", i);
        sage_inbox_entry entry = {.kind = SAGE_INBOX_EVENT, .text = {text, (size_t)n}};
        good = sage_inbox_add(inbox, &entry, 1, NULL) == SAGE_OK;
        if (!good) continue;
        FILE *file = fopen(told, "ab");
        scratch_must(file != NULL && fputc('.', file) == '.' && fclose(file) == 0, told);
    }
    sage_inbox_close(inbox);
    return good;
}

static bool fold(void *ctx) {
    sage_shop *shop = NULL;
    sage_import_report report;
    (void)ctx;
    scratch_must(sage_shop_open(shop_dir, &shop, NULL) == SAGE_OK, "open the shop");
    const sage_status st = sage_import_inbox(shop, NULL, &report, NULL);
    sage_shop_close(shop);
    return st == SAGE_OK;
}

static uint64_t events_in_catalogue(void) {
    sage_shop *shop = NULL;
    sage_shop_state *state = calloc(1, sizeof *state);
    sage_error error;
    scratch_must(state != NULL && sage_shop_open(shop_dir, &shop, NULL) == SAGE_OK, "open the shop");
    if (sage_shop_read_state(shop, state, &error) != SAGE_OK) fail_msg("%s", error.text);
    const uint64_t events = state->events;
    sage_shop_close(shop);
    free(state);
    return events;
}

static sage_status count(void *ctx, const sage_inbox_entry *entry, sage_error *error) {
    (void)entry;
    (void)error;
    ++*(size_t *)ctx;
    return SAGE_OK;
}

static void what_was_acknowledged_is_there(void **state) {
    (void)state;
    uint64_t calls;
    fresh(prepared);
    assert_int_equal(fault_child(add_events, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_true(calls > EVENTS);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            size_t acknowledged = 0, found = 0;
            uint64_t last;
            sage_inbox_gaps gaps;
            sage_error error;
            fresh(prepared);
            unlink(told);
            fault_child(add_events, NULL, kind, at, NULL);
            char *dots = scratch_read(told, &acknowledged);
            if (dots == NULL) acknowledged = 0;
            sage_free(dots);
            if (sage_inbox_read(sage_inbox_events(shop_dir), 0, count, &found, &last, &gaps, &error) != SAGE_OK)
                fail_msg("%s", error.text);
            if (found < acknowledged)
                fail_msg("fault %d at call %llu: %zu of %zu are there", (int)kind, (unsigned long long)at, found,
                         acknowledged);
            assert_true(add_events(NULL)); /* and it goes on */
            assert_true(fold(NULL));
            assert_int_equal(events_in_catalogue(), EVENTS);
        }
}

static void folded_once(void **state) {
    (void)state;
    char filled[SAGE_PATH_MAX];
    uint64_t calls;
    fresh(prepared);
    assert_true(add_events(NULL));
    snprintf(filled, sizeof filled, "%s", scratch_path(dir, "filled"));
    scratch_must(rename(shop_dir, filled) == 0, filled);
    fresh(filled);
    assert_int_equal(fault_child(fold, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_int_equal(events_in_catalogue(), EVENTS);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            fresh(filled);
            fault_child(fold, NULL, kind, at, NULL);
            assert_true(fold(NULL));
            const uint64_t events = events_in_catalogue();
            if (events != EVENTS)
                fail_msg("fault %d at call %llu: %llu events", (int)kind, (unsigned long long)at,
                         (unsigned long long)events);
        }
}

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(prepared, sizeof prepared, "%s", scratch_path(dir, "prepared"));
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    snprintf(told, sizeof told, "%s", scratch_path(dir, "told"));
    scratch_must(sage_shop_init(prepared, NULL) == SAGE_OK, "init");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_acknowledged_is_there), cmocka_unit_test(folded_once)};
    return cmocka_run_group_tests(tests, ground, remove_dir);
}
