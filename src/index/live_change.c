/* Changes of a live index. Each is put into the log's next frame first and then made; where it cannot be made it is
 * taken back. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/live_impl.h>
#include <index/live_values.h>
#include <index/record.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { TIDY = 32 }; /* rows that are swept a change: keeps pace (changing.h) */

/* ---- in memory ---- */

/* Room for one more of everything that has to grow. */
static sage_status fit(sage_live *live, sage_error *error) {
    const size_t slots = live->changing->hnsw.graph.n + 1;
    sage_status st = sage_room_grow(&live->records, slots * sizeof(sage_live_record *), error);
    if (st == SAGE_OK && live->columns != NULL) st = sage_columns_live_fit(live->columns, slots, error);
    return st == SAGE_OK ? sage_live_names_fit(live, error) : st;
}

/* Takes the record; it belongs to the slot whether that is shown or not, as does the columns' row under change. */
static sage_status insert(sage_live *live, const float *vector, sage_live_record *record, uint32_t *slot,
                          sage_error *error) {
    sage_status st = sage_changing_place(live->changing, vector, slot, error);
    if (st != SAGE_OK) {
        sage_free(record);
        return st;
    }
    sage_live_record **at = sage_live_record_at(live, *slot);
    sage_free(*at);
    __atomic_store_n(at, record, __ATOMIC_RELEASE);
    if (live->columns != NULL) sage_columns_live_store(live->columns, *slot);
    st = sage_changing_show(live->changing, *slot, error);
    if (st == SAGE_OK && live->watch != NULL) sage_recall_watch_came(live->watch, *slot);
    return st;
}

static void tidy(sage_live *live) {
    (void)sage_changing_tidy(live->changing, TIDY, NULL); /* where memory is short: at another change */
}

static sage_status make_upsert(sage_live *live, const float *vector, sage_live_record *record, sage_error *error) {
    const int64_t pid = record->pid;
    uint32_t slot, before;
    sage_status st = fit(live, error);
    if (st != SAGE_OK) {
        sage_free(record);
        return st;
    }
    const bool there = sage_live_slot_of(live, pid, &before);
    st = insert(live, vector, record, &slot, error);
    if (st != SAGE_OK) return st;
    sage_live_name(live, pid, slot, there ? &before : NULL);
    if (there) { /* counted between its coming and its going: sage_index_replaced */
        __atomic_fetch_add(&live->replaced, 1, __ATOMIC_SEQ_CST);
        sage_changing_delete(live->changing, before);
    }
    tidy(live);
    return SAGE_OK;
}

/* Of a product that is there. */
static sage_status make_delete(sage_live *live, int64_t pid, uint32_t slot, sage_error *error) {
    sage_status st = fit(live, error);
    if (st != SAGE_OK) return st;
    sage_live_unname(live, pid, slot);
    sage_changing_delete(live->changing, slot);
    tidy(live);
    return SAGE_OK;
}

/* ---- as the log has them: a vector, the record behind its pid, and values of columns; or the last two; or those alone
 * ---- */

static sage_status refuse(int64_t pid, sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "the log's change of product %" PRId64 " is none", pid);
}

static bool vector_is_sound(const sage_live *live, const float *vector) {
    const size_t dim = live->base->dim;
    for (size_t i = 0; i < dim; i++)
        if (!isfinite(vector[i])) return false;
    const float square = sage_ops_best()->dot(dim, vector, vector);
    return square >= live->least && square <= live->longest;
}

/* The record of `bytes`, of which it takes *taken. */
static sage_status read_record(const char *shown, size_t bytes, int64_t pid, sage_live_record **record, size_t *taken,
                               sage_error *error) {
    uint32_t ends[SAGE_SHOWN];
    if (bytes < sizeof ends) return refuse(pid, error);
    memcpy(ends, shown, sizeof ends);
    if (!sage_record_is_sound(ends, shown + sizeof ends, bytes - sizeof ends)) return refuse(pid, error);
    const size_t text_bytes = ends[SAGE_SHOWN - 1];
    *record = sage_alloc(sizeof **record + text_bytes);
    if (*record == NULL) return sage_fail_memory(error, text_bytes);
    (*record)->pid = pid;
    memcpy((*record)->ends, ends, sizeof ends);
    memcpy((*record)->text, shown + sizeof ends, text_bytes);
    *taken = sizeof ends + text_bytes;
    return SAGE_OK;
}

static sage_status replay_upsert(sage_live *live, const sage_log_change *change, sage_error *error) {
    const size_t vector_bytes = live->base->dim * sizeof(float);
    sage_live_record *record;
    size_t taken = 0;
    if (change->bytes < vector_bytes || !vector_is_sound(live, change->data)) return refuse(change->pid, error);
    const char *rest = (const char *)change->data + vector_bytes;
    const size_t bytes = change->bytes - vector_bytes;
    sage_status st = read_record(rest, bytes, change->pid, &record, &taken, error);
    if (st != SAGE_OK) return st;
    if (live->columns != NULL) sage_columns_live_clear(live->columns);
    st = sage_live_values_read(live->columns, rest + taken, bytes - taken, error);
    if (st == SAGE_OK) return make_upsert(live, change->data, record, error);
    sage_free(record);
    return st;
}

/* Of a product that is there. */
static sage_status replay_set(sage_live *live, const sage_log_change *change, uint32_t slot, sage_error *error) {
    if (live->columns == NULL) return change->bytes == 0 ? SAGE_OK : refuse(change->pid, error);
    sage_columns_live_take(live->columns, slot);
    sage_status st = sage_live_values_read(live->columns, change->data, change->bytes, error);
    if (st == SAGE_OK) sage_columns_live_store(live->columns, slot);
    return st;
}

/* The same with other texts. */
static sage_status replay_show(sage_live *live, const sage_log_change *change, uint32_t slot, sage_error *error) {
    sage_live_record *record;
    size_t taken = 0;
    sage_status st = read_record(change->data, change->bytes, change->pid, &record, &taken, error);
    if (st != SAGE_OK) return st;
    const char *id = record->text + (SAGE_SHOW_ID > 0 ? record->ends[SAGE_SHOW_ID - 1] : 0);
    if (strcmp(id, sage_live_text(live, slot, SAGE_SHOW_ID)) != 0) SAGE_TRY(refuse(change->pid, error));
    if (live->columns == NULL && taken < change->bytes) SAGE_TRY(refuse(change->pid, error));
    if (live->columns != NULL) sage_columns_live_take(live->columns, slot);
    SAGE_TRY(sage_live_values_read(live->columns, (const char *)change->data + taken, change->bytes - taken, error));
    SAGE_TRY(sage_live_show(live, slot, record, error));
    record = NULL;
    if (live->columns != NULL) sage_columns_live_store(live->columns, slot);
out:
    sage_free(record);
    return st;
}

sage_status sage_live_replay(void *ctx, const sage_log_change *change, sage_error *error) {
    sage_live *live = ctx;
    uint32_t slot;
    if (change->kind == SAGE_LOG_UPSERT) return replay_upsert(live, change, error);
    if (!sage_live_slot_of(live, change->pid, &slot)) return refuse(change->pid, error);
    if (change->kind == SAGE_LOG_DELETE) return make_delete(live, change->pid, slot, error);
    if (change->kind == SAGE_LOG_SET) return replay_set(live, change, slot, error);
    if (change->kind == SAGE_LOG_SHOW) return replay_show(live, change, slot, error);
    return refuse(change->pid, error);
}

/* ---- for callers ---- */

static sage_status write_shown(const sage_str shown[SAGE_SHOWN], sage_buf *data, sage_error *error) {
    uint32_t ends[SAGE_SHOWN];
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_record_ends(shown, ends, error));
    SAGE_TRY(sage_buf_add(data, ends, sizeof ends, error));
    for (size_t i = 0; i < SAGE_SHOWN; i++) {
        if (shown[i].len > 0) SAGE_TRY(sage_buf_add(data, shown[i].data, shown[i].len, error));
        SAGE_TRY(sage_buf_byte(data, '\0', error));
    }
out:
    return st;
}

static sage_status log_and_make(sage_live *live, const sage_log_change *change, sage_error *error) {
    sage_status st = sage_live_has_log(live) ? sage_log_add(live->log, change, error) : SAGE_OK;
    if (st != SAGE_OK) return st;
    __atomic_fetch_add(&live->changes, 1, __ATOMIC_SEQ_CST);
    st = sage_live_replay(live, change, error);
    __atomic_fetch_add(&live->changes, 1, __ATOMIC_SEQ_CST);
    if (st != SAGE_OK && sage_live_has_log(live)) sage_log_take_back(live->log, change);
    return st;
}

static sage_status check_vector(const sage_live *live, int64_t pid, const float *vector, sage_error *error) {
    if (vector_is_sound(live, vector)) return SAGE_OK;
    return sage_fail(
        error, SAGE_E_ARGUMENT,
        "the vector of product %" PRId64 " has a member that is no number, or another length than the index's", pid);
}

sage_status sage_live_upsert(sage_live *live, int64_t pid, const float *vector, const sage_str shown[SAGE_SHOWN],
                             const sage_live_value *values, size_t n_values, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf data;
    sage_buf_init(&data, SIZE_MAX);
    SAGE_TRY(sage_buf_add(&data, vector, live->base->dim * sizeof *vector, error));
    SAGE_TRY(write_shown(shown, &data, error));
    SAGE_TRY(sage_live_values_write(live->columns, values, n_values, &data, error));
    const sage_log_change change = {SAGE_LOG_UPSERT, pid, data.data, data.len};
    pthread_mutex_lock(&live->lock);
    st = check_vector(live, pid, vector, error);
    if (st == SAGE_OK) st = log_and_make(live, &change, error);
    pthread_mutex_unlock(&live->lock);
out:
    sage_buf_free(&data);
    return st;
}

static sage_status check_id(const sage_live *live, int64_t pid, uint32_t slot, const sage_str *id, sage_error *error) {
    const char *has = sage_live_text(live, slot, SAGE_SHOW_ID);
    if (id == NULL || (strlen(has) == id->len && (id->len == 0 || memcmp(has, id->data, id->len) == 0))) return SAGE_OK;
    return sage_fail(error, SAGE_E_ARGUMENT, "product %" PRId64 " shows the id '%s', which stays as it is", pid, has);
}

/* A change of a product that may not be there. id: that it is to show; NULL: it is not asked about. */
static sage_status change_if_there(sage_live *live, const sage_log_change *change, const sage_str *id, bool *there,
                                   sage_error *error) {
    uint32_t slot;
    sage_status st = SAGE_OK;
    pthread_mutex_lock(&live->lock);
    const bool is = sage_live_slot_of(live, change->pid, &slot);
    if (is) st = check_id(live, change->pid, slot, id, error);
    if (is && st == SAGE_OK) st = log_and_make(live, change, error);
    pthread_mutex_unlock(&live->lock);
    if (there != NULL) *there = is;
    return st;
}

sage_status sage_live_set(sage_live *live, int64_t pid, const sage_str *shown, const sage_live_value *values,
                          size_t n_values, bool *there, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf data;
    sage_buf_init(&data, SIZE_MAX);
    if (shown != NULL) SAGE_TRY(write_shown(shown, &data, error));
    SAGE_TRY(sage_live_values_write(live->columns, values, n_values, &data, error));
    const sage_log_change change = {shown != NULL ? SAGE_LOG_SHOW : SAGE_LOG_SET, pid, data.data, data.len};
    st = change_if_there(live, &change, shown != NULL ? &shown[SAGE_SHOW_ID] : NULL, there, error);
out:
    sage_buf_free(&data);
    return st;
}

sage_status sage_live_delete(sage_live *live, int64_t pid, bool *there, sage_error *error) {
    const sage_log_change change = {SAGE_LOG_DELETE, pid, NULL, 0};
    return change_if_there(live, &change, NULL, there, error);
}

/* Who comes while a frame is written waits, and then finds that the next frame has been sealed with its changes, or
 * seals it, with those of all who came: one write for many. */
sage_status sage_live_sync(sage_live *live, sage_error *error) {
    if (!sage_live_has_log(live)) return sage_live_no_log(error);
    pthread_mutex_lock(&live->sync_lock);
    pthread_mutex_lock(&live->lock);
    sage_status st = sage_log_seal(live->log, error);
    pthread_mutex_unlock(&live->lock);
    if (st == SAGE_OK) st = sage_log_write(live->log, error);
    pthread_mutex_unlock(&live->sync_lock);
    return st;
}

sage_status sage_live_no_log(sage_error *error) {
    return sage_fail(error, SAGE_E_STATE, "the index was opened without a log; its changes are kept elsewhere");
}

uint64_t sage_live_changes(const sage_live *live) {
    return __atomic_load_n(&live->changes, __ATOMIC_ACQUIRE);
}

uint64_t sage_live_log_bytes(sage_live *live) {
    if (!sage_live_has_log(live)) return 0;
    pthread_mutex_lock(&live->lock);
    const uint64_t bytes = sage_log_bytes(live->log);
    pthread_mutex_unlock(&live->lock);
    return bytes;
}
