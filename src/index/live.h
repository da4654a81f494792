/* An index that is open for changing: a version (index.h), and what came since. Products are inserted, replaced and
 * deleted while any number of threads search; readers never wait (changing.h). Changes are on disk when sage_live_sync
 * returns, those of many threads by one write (log.h): opened again after any end whatever, the index is as it was
 * after some change, and after all that had been synced. Compaction writes all of it as a new version, published by one
 * rename, and begins a new log.
 *
 * Changes that were not synced yet are found by searches already. */
#ifndef SAGE_INDEX_LIVE_H
#define SAGE_INDEX_LIVE_H

#include <index/changing.h>
#include <index/columns.h>
#include <index/filter.h>
#include <index/recall_watch.h>
#include <index/where.h>

typedef struct sage_live sage_live;

/* The newest version below `parent` (io/version.h), with its log parent/live-<version>.log, which is begun where there
 * is none. One process has it open for changing at a time, which the caller sees to; others may read versions. *cut:
 * bytes at the end of the log that were no whole frame and have been cut off: what was being written when a crash came.
 * SAGE_E_STATE: there is no version, or it has no graph. */
sage_status sage_live_open(const char *parent, sage_pool *pool, sage_live **live, uint64_t *cut, sage_error *error);
/* The same of a version that is open, and stays so, without a log: changes last as long as it is open, and
 * sage_live_sync and sage_live_compact are not for it (SAGE_E_STATE). The version may have no graph: then its searches
 * compare all rows. SAGE_E_STATE: its vectors are not of one length. */
sage_status sage_live_begin(const sage_index *version, sage_pool *pool, sage_live **live, sage_error *error);
void sage_live_close(sage_live *live);         /* no reader is left; what was not synced is lost; NULL is fine */
size_t sage_live_count(const sage_live *live); /* products */
size_t sage_live_dim(const sage_live *live);
/* What filters are read against (where.h), with the life of the live index. NULL: the version has none. */
const sage_columns *sage_live_columns(const sage_live *live);
uint64_t sage_live_log_bytes(sage_live *live); /* that the next opening reads again: a time to compact */

/* ---- changes: any thread, one after another ---- */

/* What a product has in a column (columns.h), of several of one column the last; in a column that is not named: of a
 * new product nothing, of one whose values are set what it has. */
typedef struct sage_live_value {
    size_t column;         /* of sage_live_columns; SAGE_E_ARGUMENT: it has no such */
    double number;         /* of numbers and prices; none where it is not finite */
    const sage_str *words; /* [n_words] of the others, as for sage_columns_word */
    size_t n_words;
} sage_live_value;

/* vector [dim], of the length of the version's (SAGE_E_ARGUMENT: more than a thousandth off); shown as for
 * sage_index_add. In the place of what the pid had.
 * SAGE_E_FORMAT: a value is not UTF-8. */
sage_status sage_live_upsert(sage_live *live, int64_t pid, const float *vector, const sage_str shown[SAGE_SHOWN],
                             const sage_live_value *values, size_t n_values, sage_error *error);
/* Other values of some columns, and, where `shown` [SAGE_SHOWN] is not NULL, other texts that are shown, but for the id
 * (SAGE_E_ARGUMENT); vector and graph stay as they are. *there as below; where it is false nothing is changed. */
sage_status sage_live_set(sage_live *live, int64_t pid, const sage_str *shown, const sage_live_value *values,
                          size_t n_values, bool *there, sage_error *error);
/* *there (NULL is fine): whether it was. */
sage_status sage_live_delete(sage_live *live, int64_t pid, bool *there, sage_error *error);
/* All changes that were made before the call are safe. After a fault no more changes are taken. */
sage_status sage_live_sync(sage_live *live, sage_error *error);

/* More files for a version under construction in `dir`, whose rows are in the order of pids: what other rooms keep by
 * row beside an index, such as together.bin, is theirs to write. */
typedef sage_status (*sage_live_finish_fn)(void *ctx, const char *dir, sage_error *error);
/* Writes everything as a new version, *version, and goes on with a log of its own; the old log is removed, the old
 * version is the caller's to prune. Changes wait meanwhile, searches do not. `finish` may be NULL. Where it fails all
 * is as it was; but after a fault while publishing no more changes are taken, since it is not known which version is
 * the newest: open it again. */
sage_status sage_live_compact(sage_live *live, sage_live_finish_fn finish, void *ctx, uint64_t *version,
                              sage_error *error);

/* Removes the logs of versions below `parent` that are no longer there, but those that a process has open: after
 * pruning (sage_version_prune). */
sage_status sage_live_prune_logs(const char *parent, sage_error *error);

/* Watches the recall of its searches (recall_watch.h) from now on; NULL: no longer. What came while a search is looked
 * at counts for nothing, and where very much came meanwhile the search does. Not beside other calls. */
sage_status sage_live_watch(sage_live *live, const sage_recall_watch_options *options, sage_error *error);
/* Any number of threads. False: nothing is watched. */
bool sage_live_watched(const sage_live *live, sage_recall_watched *watched);

/* Grows with each change; where it is what it was, and even, so is all that filters accept; odd while one is under way.
 * Any thread. */
uint64_t sage_live_changes(const sage_live *live);

/* ---- readers: of one thread each ---- */

typedef struct sage_live_reader sage_live_reader;
sage_status sage_live_reader_new(sage_live *live, sage_live_reader **reader, sage_error *error);
void sage_live_reader_free(sage_live_reader *reader); /* NULL is fine */
/* Rows, and texts that sage_live_shown gave, stay what they are between the two; sage_live_set gives a row others, for
 * who asks afterwards. Leave soon: what is dead meanwhile keeps its memory. */
void sage_live_enter(sage_live_reader *reader);
void sage_live_leave(sage_live_reader *reader);
/* Inside. As sage_hnsw_search; no product twice. A filter accepts rows as sage_live_find gives them; a product's is
 * another after each upsert. */
sage_status sage_live_search(sage_live_reader *reader, const float *query, size_t k, size_t width,
                             const sage_filter *filter, sage_neighbour *out, size_t *found, sage_error *error);
/* Inside. As sage_index_near, on the thread that calls. */
sage_status sage_live_near(sage_live_reader *reader, const float *queries, size_t n_queries, size_t k,
                           const sage_way *way, sage_neighbour *out, size_t *found, sage_error *error);
bool sage_live_find(const sage_live_reader *reader, int64_t pid, uint32_t *row);
/* By the id that it shows (SAGE_SHOW_ID), which it shares with no other; an empty one is none. */
bool sage_live_find_id(const sage_live_reader *reader, const char *id, uint32_t *row);
/* Inside, and until the reader leaves: for searches, what is accepted. Each row is asked when a search meets it, and
 * *filter holds until the next such call; */
void sage_live_filter(sage_live_reader *reader, const sage_where *where, sage_filter *filter);
/* or all now, in memory of the reader's: pays where few are accepted. A product that comes, or is replaced, afterwards
 * is not among them. */
sage_status sage_live_filter_bits(sage_live_reader *reader, const sage_where *where, sage_filter *filter,
                                  sage_error *error);
int64_t sage_live_pid(const sage_live_reader *reader, uint32_t row);
const float *sage_live_vector(const sage_live_reader *reader, uint32_t row);
const char *sage_live_shown(const sage_live_reader *reader, uint32_t row, size_t what);

/* As an index, for those who search one and need not know that it changes (index.h): what is asked of it is asked of
 * the live index, inside of the reader's stay alone and on its thread; sage_index_count is of rows, dead ones too, and
 * more may come. It is neither cut, linked, verified nor watched. The reader must stay as long. */
sage_status sage_live_view(sage_live_reader *reader, sage_index **view, sage_error *error);
void sage_live_view_free(sage_index *view); /* NULL is fine */

#endif
