/* Changes of a release that is being searched. */
#include <base/error.h>
#include <shop/product_shown.h>
#include <shop/searcher.h>
#include <string.h>

static sage_status need_live(const sage_searcher *searcher, sage_error *error) {
    if (sage_searched_live_of(searcher->common) != NULL) return SAGE_OK;
    return sage_fail(error, SAGE_E_STATE,
                     "the release was not opened for changing; call "
                     "sage_searcher_begin_changes before");
}

static void count(uint64_t *counter) {
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* The product that has the id now. */
static bool find_id(const sage_searched_live *l, sage_str id, int64_t *pid) {
    char text[256]; /* of an id that is a good one */
    uint32_t row;
    if (id.len >= sizeof text) return false;
    memcpy(text, id.data, id.len);
    text[id.len] = '\0';
    sage_live_enter(l->reader);
    const bool there = sage_live_find_id(l->reader, text, &row);
    if (there) *pid = sage_live_pid(l->reader, row);
    sage_live_leave(l->reader);
    return there;
}

/* ---- a whole product ---- */

static sage_status make_vector(sage_searched_live *l, const sage_product_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = 0;
    SAGE_TRY(sage_encoder_add_product(l->encoder, row, NULL, error));
    SAGE_TRY(sage_encoder_flush(l->encoder, l->vector, &n, error));
out:
    return st;
}

static sage_status upsert(sage_searched_live *l, const sage_product_row *read, sage_error *error) {
    sage_status st = SAGE_OK;
    char price[SAGE_PRICE_TEXT];
    sage_str shown[SAGE_SHOWN], texts[SAGE_FIELDS];
    sage_product_row row = *read;
    const bool there = find_id(l, row.id, &row.pid);
    if (!there) row.pid = l->next_pid;
    SAGE_TRY(make_vector(l, &row, error));
    SAGE_TRY(sage_product_values_take(&l->values, &l->columns, &row, error));
    sage_product_shown(&row, price, shown);
    SAGE_TRY(sage_live_upsert(l->live, row.pid, l->vector, shown, l->values.list, l->values.n, error));
    if (!there) l->next_pid++;
    SAGE_TRY(sage_words_changes_put(l->words, row.pid, texts, sage_product_words(&row, texts), error));
    count(&l->upserted);
out:
    return st;
}

sage_status sage_searcher_upsert(sage_searcher *searcher, const char *product, size_t len, sage_error *error) {
    const sage_product_row *row;
    sage_status st = need_live(searcher, error);
    if (st != SAGE_OK) return st;
    sage_searched_live *l = sage_searched_live_of(searcher->common);
    pthread_mutex_lock(&l->writing);
    st = sage_product_json_read(l->json, product, len, &row, error);
    if (st == SAGE_OK) st = upsert(l, row, error);
    pthread_mutex_unlock(&l->writing);
    return st;
}

/* ---- what no vector depends on ---- */

sage_status sage_product_check_update(const sage_product_row *row, sage_error *error) {
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        if (row->fields[f].len == 0) continue;
        const bool link = f == SAGE_DOMAIN || f == SAGE_LINK;
        return sage_fail_at(error, SAGE_E_ARGUMENT, "product", 0, 0,
                            "%s makes another vector; give the whole product, or only prices, availability, "
                            "item_group_id and attributes",
                            link ? "link" : sage_field_names[f]);
    }
    if (row->link.len > 0 || row->n_images > 0)
        return sage_fail_at(error, SAGE_E_ARGUMENT, "product", 0, 0,
                            "%s is not changed by itself; give the whole product",
                            row->link.len > 0 ? "link" : "image_link");
    return SAGE_OK;
}

/* What it shows, with what the row says otherwise. */
static void change_shown(const sage_searched_live *l, uint32_t at, const sage_product_row *row,
                         char price[SAGE_PRICE_TEXT], sage_str shown[SAGE_SHOWN]) {
    sage_str given[SAGE_SHOWN];
    static const size_t changing[] = {SAGE_SHOW_AVAILABILITY, SAGE_SHOW_PRICE, SAGE_SHOW_GROUP};
    for (size_t what = 0; what < SAGE_SHOWN; what++) {
        const char *text = sage_live_shown(l->reader, at, what);
        shown[what] = (sage_str){text, strlen(text)};
    }
    sage_product_shown(row, price, given);
    for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
        if (given[changing[i]].len > 0) shown[changing[i]] = given[changing[i]];
}

static sage_status update(sage_searched_live *l, const sage_product_row *row, bool *there, sage_error *error) {
    sage_status st = SAGE_OK;
    char price[SAGE_PRICE_TEXT];
    sage_str shown[SAGE_SHOWN];
    int64_t pid;
    uint32_t at;
    SAGE_TRY(sage_product_check_update(row, error));
    SAGE_TRY(sage_product_values_take(&l->values, &l->columns, row, error));
    if (!find_id(l, row->id, &pid)) return SAGE_OK;
    sage_live_enter(l->reader);
    *there = sage_live_find(l->reader, pid, &at);
    if (*there) {
        change_shown(l, at, row, price, shown);
        st = sage_live_set(l->live, pid, shown, l->values.list, l->values.n, there, error);
    }
    sage_live_leave(l->reader);
    if (st == SAGE_OK && *there) count(&l->updated);
out:
    return st;
}

sage_status sage_searcher_update(sage_searcher *searcher, const char *product, size_t len, bool *there,
                                 sage_error *error) {
    const sage_product_row *row;
    sage_status st = need_live(searcher, error);
    *there = false;
    if (st != SAGE_OK) return st;
    sage_searched_live *l = sage_searched_live_of(searcher->common);
    pthread_mutex_lock(&l->writing);
    st = sage_product_json_read(l->json, product, len, &row, error);
    if (st == SAGE_OK) st = update(l, row, there, error);
    pthread_mutex_unlock(&l->writing);
    return st;
}

/* ---- */

sage_status sage_searcher_delete(sage_searcher *searcher, const char *id, bool *there, sage_error *error) {
    int64_t pid;
    sage_status st = need_live(searcher, error);
    *there = false;
    if (st != SAGE_OK) return st;
    sage_searched_live *l = sage_searched_live_of(searcher->common);
    pthread_mutex_lock(&l->writing);
    if (find_id(l, (sage_str){id, strlen(id)}, &pid)) {
        st = sage_words_changes_drop(l->words, pid, pid < SAGE_FIRST_NEW_PID, error);
        if (st == SAGE_OK) st = sage_live_delete(l->live, pid, there, error);
        if (st == SAGE_OK && *there) count(&l->deleted);
    }
    pthread_mutex_unlock(&l->writing);
    return st;
}

void sage_searcher_changed(const sage_searcher *searcher, sage_searcher_changes *changes) {
    const sage_searched *common = searcher->common;
    *changes = (sage_searcher_changes){.inbox_position = common->opened.release.inbox_position,
                                       .products = sage_index_count(sage_engine_index(common->opened.engine))};
    const sage_searched_live *live = sage_searched_live_of(common);
    if (live == NULL) return;
    changes->products = sage_live_count(live->live);
    changes->upserted = __atomic_load_n(&live->upserted, __ATOMIC_RELAXED);
    changes->updated = __atomic_load_n(&live->updated, __ATOMIC_RELAXED);
    changes->deleted = __atomic_load_n(&live->deleted, __ATOMIC_RELAXED);
    changes->beside = sage_words_changes_count(live->words);
}
