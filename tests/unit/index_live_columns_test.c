/* Columns of a live index: written anew by compactions, changed beside filters, refused where they are none. */
#include <index/columns_impl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <support/scratch_dir.h>
#include <support/stock.h>
#include <support/test.h>

static size_t brands_of(const stock *s) {
    bool has[4096] = {false};
    size_t n = 0;
    for (int64_t pid = 0; pid < STOCK_MOST; pid++) {
        const uint32_t brand = s->made[pid] != 0 ? stock_brand(pid, s->by[pid][STOCK_BRAND]) : 0;
        n += brand > 0 && !has[brand];
        has[brand] = true;
    }
    return n;
}

static void test_a_compacted_version_filters_alike(void **state) {
    (void)state;
    stock s;
    uint64_t version;
    assert_true(stock_begin(&s, dir, 3));
    sage_live *live = stock_open(&s, 0);
    for (uint32_t change = 2; change < 4000; change++) {
        assert_int_equal(stock_make(&s, live, change), SAGE_OK);
        stock_note(&s, change);
    }
    const sage_columns *columns = sage_live_columns(live);
    const size_t words = sage_column_words(columns, sage_columns_at(columns, STOCK_BRAND));
    assert_int_equal(sage_live_compact(live, NULL, NULL, &version, NULL), SAGE_OK);
    sage_live_close(live);
    sage_index *index = stock_version(&s, version);
    columns = sage_index_columns(index);
    assert_int_equal(sage_columns_count(columns), STOCK_COLUMNS);
    for (size_t number = 0; number < STOCK_FILTERS; number++) {
        const char *text = stock_filters[number];
        sage_where *where;
        assert_int_equal(sage_where_parse(columns, text, strlen(text), &where, NULL), SAGE_OK);
        for (uint32_t row = 0; row < sage_index_count(index); row++) {
            const int64_t pid = sage_index_pid(index, row);
            assert_int_equal(sage_where_accepts(where, row), stock_accepts(number, pid, s.by[pid]));
        }
        sage_where_free(where);
    }
    assert_int_equal(sage_column_words(columns, sage_columns_at(columns, STOCK_BRAND)), brands_of(&s));
    assert_true(brands_of(&s) < words);
    sage_index_close(index);
    stock_end(&s);
}

static void test_equal_lists_are_kept_once(void **state) {
    (void)state;
    stock s;
    assert_true(stock_begin(&s, dir, 2));
    sage_live *live = stock_open(&s, 0);
    const size_t before = sage_live_columns(live)->n_lists;
    for (uint32_t change = 1; change < 20000; change++) {
        stock_values v;
        stock_values_of(change % 512 * 2, change, &v);
        assert_int_equal(sage_live_set(live, change % 512 * 2, NULL, &v.values[STOCK_TAGS], 1, NULL, NULL), SAGE_OK);
    }
    /* All sets of two tags and more. */
    assert_true(sage_live_columns(live)->n_lists - before <= (1 << STOCK_TAG_KINDS) * (1 + STOCK_TAG_KINDS));
    sage_live_close(live);
    stock_end(&s);
}

static void test_what_is_refused(void **state) {
    (void)state;
    stock s;
    bool there = true;
    char path[SAGE_PATH_MAX];
    const sage_str broken = SAGE_STR("\xff\xfe");
    const sage_live_value elsewhere = {.column = STOCK_COLUMNS, .number = 1};
    const sage_live_value values[2] = {{.column = STOCK_PRICE, .number = 7777},
                                       {.column = STOCK_BRAND, .words = &broken, .n_words = 1}};
    const sage_str shown[SAGE_SHOWN] = {{NULL, 0}};
    assert_true(stock_begin(&s, dir, 8));
    sage_live *live = stock_open(&s, 0);
    assert_int_equal(sage_live_set(live, 8, NULL, &elsewhere, 1, &there, NULL), SAGE_E_ARGUMENT);
    assert_int_equal(sage_live_set(live, 8, NULL, values, 2, &there, NULL), SAGE_E_FORMAT);
    assert_int_equal(sage_live_upsert(live, 8, s.vectors, shown, values, 2, NULL), SAGE_E_FORMAT);
    assert_int_equal(sage_live_set(live, 9, NULL, values, 1, &there, NULL), SAGE_OK);
    assert_false(there);
    assert_true(stock_holds(&s, live));
    assert_int_equal(sage_live_sync(live, NULL), SAGE_OK);
    sage_live_close(live);
    live = stock_open(&s, 0);
    assert_true(stock_holds(&s, live));
    sage_live_close(live);
    /* A version without columns. */
    assert_int_equal(sage_version_path(path, s.parent, 1, NULL), SAGE_OK);
    assert_int_equal(sage_fs_unlink(scratch_path(path, SAGE_COLUMNS_FILE), NULL), SAGE_OK);
    live = stock_open(&s, 0);
    assert_null(sage_live_columns(live));
    assert_int_equal(sage_live_set(live, 8, NULL, values, 1, &there, NULL), SAGE_E_ARGUMENT);
    assert_int_equal(sage_live_set(live, 8, NULL, NULL, 0, &there, NULL), SAGE_OK);
    assert_true(there);
    sage_live_close(live);
    stock_end(&s);
}

/* Its elements lie where they lay, and the slot may be another's before a search looks whether it is alive. */
static void test_what_went_is_not_accepted(void **state) {
    (void)state;
    stock s;
    sage_live_reader *reader;
    sage_where *where;
    sage_filter test, bits;
    uint32_t row;
    assert_true(stock_begin(&s, dir, 8));
    sage_live *live = stock_open(&s, 0);
    assert_int_equal(sage_where_parse(sage_live_columns(live), "not brand = none", 16, &where, NULL), SAGE_OK);
    assert_int_equal(sage_live_reader_new(live, &reader, NULL), SAGE_OK);
    sage_live_enter(reader);
    sage_live_filter(reader, where, &test);
    assert_true(sage_live_find(reader, 16, &row) && sage_filter_accepts(&test, row));
    assert_int_equal(sage_live_delete(live, 16, NULL, NULL), SAGE_OK);
    assert_false(sage_filter_accepts(&test, row));
    assert_int_equal(sage_live_filter_bits(reader, where, &bits, NULL), SAGE_OK);
    assert_false(sage_filter_accepts(&bits, row));
    assert_int_equal(bits.matches, sage_live_count(live));
    sage_live_leave(reader);
    sage_live_reader_free(reader);
    sage_where_free(where);
    sage_live_close(live);
    stock_end(&s);
}

/* ---- beside filters ---- */

enum { GROUPS = 16, STAYS = STOCK_MOST / 2, GROUP = 5 };

typedef struct beside {
    stock *s;
    sage_live *live;
    atomic_bool over;
    atomic_ulong wrong, searches;
} beside;

/* Whatever changes, a product's prices and tags are of its group; words that are new come all the time. */
static sage_status put(const beside *b, int64_t pid, uint32_t change, bool whole) {
    char group[24], novel[24];
    snprintf(group, sizeof group, "group %d", (int)(pid % GROUPS));
    snprintf(novel, sizeof novel, "new %u", change);
    const sage_str words[2] = {{group, strlen(group)}, {novel, strlen(novel)}}, shown[SAGE_SHOWN] = {{NULL, 0}};
    const double price = (double)(pid % GROUPS * 10) + change % 10;
    const sage_live_value values[3] = {{.column = STOCK_PRICE, .number = price},
                                       {.column = STOCK_TAGS, .words = words, .n_words = 1 + change % 2},
                                       {.column = STOCK_BRAND, .words = words + 1, .n_words = 1}};
    if (!whole) return sage_live_set(b->live, pid, NULL, values, 1 + change % 3, NULL, NULL);
    return sage_live_upsert(b->live, pid, stock_vector(b->s, pid, change), shown, values, 3, NULL);
}

/* Half of the products are set alone; the others come and go too, into slots that were others'. */
static void *change_on(void *ctx) {
    beside *b = ctx;
    for (uint32_t change = 1; change < 6000 || atomic_load(&b->searches) < 20; change++) {
        const uint64_t random = sage_mix64(change);
        const int64_t pid = (int64_t)(random % STOCK_MOST);
        sage_status st;
        if (pid >= STAYS && (random >> 30) % 3 == 0)
            st = sage_live_delete(b->live, pid, NULL, NULL);
        else
            st = put(b, pid, change, pid >= STAYS && (random >> 30) % 3 == 1);
        if (st != SAGE_OK) atomic_fetch_add(&b->wrong, 1);
    }
    atomic_store(&b->over, true);
    return NULL;
}

/* What stays is found, all of it, and never what is of another group. */
static bool finds_the_group(sage_live_reader *reader, const sage_filter *filter, const float *query) {
    sage_neighbour out[STOCK_MOST];
    size_t found, stay = 0;
    if (sage_live_search(reader, query, STOCK_MOST, STOCK_MOST, filter, out, &found, NULL) != SAGE_OK) return false;
    for (size_t i = 0; i < found; i++) {
        const int64_t pid = sage_live_pid(reader, out[i].row);
        if (pid % GROUPS != GROUP) return false;
        stay += pid < STAYS;
    }
    return stay == STAYS / GROUPS;
}

static void *filter_on(void *ctx) {
    static const char *const texts[2] = {"price >= 50 and price < 60", "tags = 'Group_5' and has brand"};
    beside *b = ctx;
    sage_live_reader *reader;
    if (sage_live_reader_new(b->live, &reader, NULL) != SAGE_OK) abort();
    for (size_t q = 0; !atomic_load(&b->over); q++) {
        sage_where *where;
        sage_filter filter;
        const char *text = texts[q % 2];
        if (sage_where_parse(sage_live_columns(b->live), text, strlen(text), &where, NULL) != SAGE_OK) abort();
        sage_live_enter(reader);
        sage_live_filter(reader, where, &filter);
        if (q / 2 % 2 == 0 && sage_live_filter_bits(reader, where, &filter, NULL) != SAGE_OK) abort();
        if (!finds_the_group(reader, &filter, b->s->vectors + q % STOCK_VECTORS * STOCK_DIM))
            atomic_fetch_add(&b->wrong, 1);
        sage_live_leave(reader);
        sage_where_free(where);
        atomic_fetch_add(&b->searches, 1);
    }
    sage_live_reader_free(reader);
    return NULL;
}

static void test_filters_beside_changes(void **state) {
    (void)state;
    enum { READERS = 2 };
    stock s;
    uint64_t version;
    pthread_t readers[READERS], writer;
    assert_true(stock_begin(&s, dir, 1));
    beside b = {.s = &s, .live = stock_open(&s, 0)};
    for (int64_t pid = 0; pid < STOCK_MOST; pid++) assert_int_equal(put(&b, pid, 2, false), SAGE_OK);
    assert_int_equal(pthread_create(&writer, NULL, change_on, &b), 0);
    for (size_t i = 0; i < READERS; i++) assert_int_equal(pthread_create(&readers[i], NULL, filter_on, &b), 0);
    assert_int_equal(sage_live_compact(b.live, NULL, NULL, &version, NULL), SAGE_OK);
    pthread_join(writer, NULL);
    for (size_t i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&b.wrong), 0);
    sage_live_close(b.live);
    stock_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_compacted_version_filters_alike, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_equal_lists_are_kept_once, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_what_is_refused, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_what_went_is_not_accepted, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_filters_beside_changes, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
