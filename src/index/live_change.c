/* Changes of a live index. Each is put into the log's next frame first and then made; where it cannot be made it is
 * taken back. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/live_impl.h>
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
    return st == SAGE_OK ? sage_live_names_fit(live, error) : st;
}

/* Takes the record; it belongs to the slot whether that is shown or not. */
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
    return sage_changing_show(live->changing, *slot, error);
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
    if (there) sage_changing_delete(live->changing, before);
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

/* ---- as the log has them: a vector, and the record behind its pid ---- */

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

static sage_status replay_upsert(sage_live *live, const sage_log_change *change, sage_error *error) {
    const size_t vector_bytes = live->base->dim * sizeof(float);
    if (change->bytes < vector_bytes + SAGE_RECORD_HEAD || !vector_is_sound(live, change->data))
        return refuse(change->pid, error);
    const size_t text_bytes = change->bytes - vector_bytes - SAGE_RECORD_HEAD;
    const char *shown = (const char *)change->data + vector_bytes;
    sage_live_record *record = sage_alloc(sizeof *record + text_bytes);
    if (record == NULL) return sage_fail_memory(error, text_bytes);
    record->pid = change->pid;
    memcpy(record->ends, shown, SAGE_RECORD_HEAD);
    memcpy(record->text, shown + SAGE_RECORD_HEAD, text_bytes);
    if (!sage_record_is_sound(record->ends, record->text, text_bytes)) {
        sage_free(record);
        return refuse(change->pid, error);
    }
    return make_upsert(live, change->data, record, error);
}

sage_status sage_live_replay(void *ctx, const sage_log_change *change, sage_error *error) {
    sage_live *live = ctx;
    uint32_t slot;
    if (change->kind == SAGE_LOG_UPSERT) return replay_upsert(live, change, error);
    if (change->kind != SAGE_LOG_DELETE || !sage_live_slot_of(live, change->pid, &slot))
        return refuse(change->pid, error);
    return make_delete(live, change->pid, slot, error);
}

/* ---- for callers ---- */

/* Vector and texts one behind the other, *bytes of them. */
static sage_status write_data(const sage_live *live, const float *vector, const sage_str shown[SAGE_SHOWN], char **data,
                              size_t *bytes, sage_error *error) {
    const size_t dim_bytes = live->base->dim * sizeof *vector;
    uint32_t ends[SAGE_SHOWN];
    sage_status st = sage_record_ends(shown, ends, error);
    if (st != SAGE_OK) return st;
    *bytes = dim_bytes + sizeof ends + ends[SAGE_SHOWN - 1];
    *data = sage_alloc(*bytes);
    if (*data == NULL) return sage_fail_memory(error, *bytes);
    memcpy(*data, vector, dim_bytes);
    memcpy(*data + dim_bytes, ends, sizeof ends);
    char *text = *data + dim_bytes + sizeof ends;
    for (size_t i = 0; i < SAGE_SHOWN; i++) {
        if (shown[i].len > 0) memcpy(text, shown[i].data, shown[i].len);
        text += shown[i].len;
        *text++ = '\0';
    }
    return SAGE_OK;
}

static sage_status log_and_make(sage_live *live, const sage_log_change *change, sage_error *error) {
    sage_status st = sage_log_add(live->log, change, error);
    if (st != SAGE_OK) return st;
    st = sage_live_replay(live, change, error);
    if (st != SAGE_OK) sage_log_take_back(live->log, change);
    return st;
}

sage_status sage_live_upsert(sage_live *live, int64_t pid, const float *vector, const sage_str shown[SAGE_SHOWN],
                             sage_error *error) {
    char *data = NULL;
    size_t bytes = 0;
    sage_status st = write_data(live, vector, shown, &data, &bytes, error);
    if (st != SAGE_OK) return st;
    const sage_log_change change = {SAGE_LOG_UPSERT, pid, data, bytes};
    pthread_mutex_lock(&live->lock);
    if (vector_is_sound(live, vector))
        st = log_and_make(live, &change, error);
    else
        st = sage_fail(error, SAGE_E_ARGUMENT,
                       "the vector of product %" PRId64 " has a member that is no number, or another length than the "
                       "index's",
                       pid);
    pthread_mutex_unlock(&live->lock);
    sage_free(data);
    return st;
}

sage_status sage_live_delete(sage_live *live, int64_t pid, bool *there, sage_error *error) {
    const sage_log_change change = {SAGE_LOG_DELETE, pid, NULL, 0};
    uint32_t slot;
    sage_status st = SAGE_OK;
    pthread_mutex_lock(&live->lock);
    const bool is = sage_live_slot_of(live, pid, &slot);
    if (is) st = log_and_make(live, &change, error);
    pthread_mutex_unlock(&live->lock);
    if (there != NULL) *there = is;
    return st;
}

/* Who comes while a frame is written waits, and then finds that the next frame has been sealed with its changes, or
 * seals it, with those of all who came: one write for many. */
sage_status sage_live_sync(sage_live *live, sage_error *error) {
    pthread_mutex_lock(&live->sync_lock);
    pthread_mutex_lock(&live->lock);
    sage_status st = sage_log_seal(live->log, error);
    pthread_mutex_unlock(&live->lock);
    if (st == SAGE_OK) st = sage_log_write(live->log, error);
    pthread_mutex_unlock(&live->sync_lock);
    return st;
}

uint64_t sage_live_log_bytes(sage_live *live) {
    pthread_mutex_lock(&live->lock);
    const uint64_t bytes = sage_log_bytes(live->log);
    pthread_mutex_unlock(&live->lock);
    return bytes;
}
