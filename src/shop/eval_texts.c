#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <io/fs.h>
#include <shop/eval_texts.h>
#include <stdio.h>
#include <string.h>

static bool is_name(const char *name) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(name);
    return n > 0 && n < sizeof((sage_run_report *)NULL)->name && strspn(name, letters) == n;
}

static sage_status check_names(const sage_trec_options *trec, sage_error *error) {
    static const char *const taken[] = {"vectors",  "keywords",  "hybrid",  "popular",
                                        "co-click", "sentences", "previous"};
    if (trec->n_runs > SAGE_RUNS_MAX) return sage_fail(error, SAGE_E_LIMIT, "at most %d runs", SAGE_RUNS_MAX);
    for (size_t i = 0; i < trec->n_runs; i++) {
        const char *name = trec->runs[i].name;
        bool repeated = false;
        if (!is_name(name))
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "a run's name has 1 to 15 letters, digits, '.', '_' and '-', not '%s'", name);
        for (size_t j = 0; j < sizeof taken / sizeof *taken; j++) repeated = repeated || strcmp(name, taken[j]) == 0;
        for (size_t j = 0; j < i; j++) repeated = repeated || strcmp(name, trec->runs[j].name) == 0;
        if (repeated)
            return sage_fail(error, SAGE_E_ARGUMENT, "'%s' is a method already; name the run otherwise", name);
    }
    return SAGE_OK;
}

/* Whoever exports ranks alone would be judged in the order of ids. */
static void tell_ties(const sage_run_file *file, const sage_run_lister *run, const sage_monitor *monitor) {
    size_t ties = sage_run_lister_ties(run), lines = sage_run_lister_lines(run);
    if (2 * ties > lines)
        sage_warn(monitor,
                  "%s: %zu of %zu lines have the score of another one of their query; these stand by product id, as "
                  "trec_eval has them, whatever their rank says",
                  file->file, ties, lines);
}

sage_status sage_text_bench_open(sage_text_bench *bench, size_t depth, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_trec_options *trec = bench->trec;
    const sage_index *index = sage_engine_index(bench->engine);
    SAGE_TRY(check_names(trec, error));
    if (trec->n_runs > 0 && trec->queries_file == NULL)
        SAGE_TRY(sage_fail(error, SAGE_E_ARGUMENT,
                           "a run needs a file that says which texts its queries are; see --trec-queries"));
    if (bench->dataset != NULL) SAGE_TRY(sage_popular_count(&bench->popular, bench->dataset, index, depth, error));
    if (trec->queries_file != NULL) SAGE_TRY(sage_trec_read_queries(trec->queries_file, &bench->queries, error));
    for (; bench->n_runs < trec->n_runs; bench->n_runs++) {
        const sage_run_file *file = &trec->runs[bench->n_runs];
        SAGE_TRY(sage_run_lister_open(file, &bench->queries, index, &bench->runs[bench->n_runs], error));
        tell_ties(file, bench->runs[bench->n_runs], bench->monitor);
    }
out:
    return st;
}

void sage_text_bench_close(sage_text_bench *bench) {
    for (size_t i = 0; i < bench->n_runs; i++) sage_run_lister_close(bench->runs[i]);
    sage_trec_queries_free(&bench->queries);
    sage_popular_free(&bench->popular);
}

size_t sage_text_bench_methods(const sage_text_bench *bench) {
    return SAGE_METHODS + (bench->popular.n > 0) + bench->n_runs + bench->n_extra;
}

/* ---- lists, shown to several ---- */

typedef struct watchers {
    sage_list_observer of[2];
    size_t n;
} watchers;

static sage_status show_all(void *ctx, size_t method, size_t query, const sage_scored *list, size_t n,
                            sage_error *error) {
    const watchers *w = ctx;
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < w->n; i++) SAGE_TRY(w->of[i].see(w->of[i].ctx, method, query, list, n, error));
out:
    return st;
}

void sage_unwritten_note(sage_unwritten *unwritten, sage_status status, const sage_error *why) {
    if (status != SAGE_OK && unwritten->status == SAGE_OK) *unwritten = (sage_unwritten){status, *why};
}

static void finish_writer(const sage_text_bench *bench, sage_trec_writer *writer, const sage_text_trial *trial) {
    sage_error why = {0};
    sage_status st = sage_trec_writer_finish(writer, trial->judge.texts, trial->judge.n_queries, &why);
    sage_unwritten_note(bench->unwritten, st, &why);
}

static void describe_runs(const sage_text_bench *bench, sage_eval_report *report) {
    report->n_runs = bench->n_runs;
    for (size_t i = 0; i < bench->n_runs; i++) {
        sage_run_report *run = &report->runs[i];
        const sage_run_file *file = &bench->trec->runs[i];
        sage_run_cover cover = sage_run_lister_cover(bench->runs[i]);
        snprintf(run->name, sizeof run->name, "%s", file->name);
        run->lines = sage_run_lister_lines(bench->runs[i]);
        *(bench->graded ? &run->judgements : &run->events) = cover;
        if (cover.queries == 0)
            sage_warn(
                bench->monitor,
                "%s has none of the %llu search texts that are judged by %s, so it finds nothing; compare its ids "
                "with those of %s",
                file->file, (unsigned long long)cover.no_queries, bench->graded ? "judgements" : "events",
                bench->trec->queries_file);
    }
}

sage_status sage_text_bench_run(sage_text_bench *bench, const sage_judgement *judgements, size_t n, size_t depth,
                                const sage_list_observer *see, bool write, sage_text_trial *trial,
                                sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_text_lister more[SAGE_TEXT_METHODS_MAX];
    const char *names[SAGE_TEXT_METHODS_MAX];
    size_t n_more = 0;
    sage_trec_writer *writer = NULL;
    watchers w = {.n = 0};
    const sage_list_observer all = {.ctx = &w, .see = show_all};
    if (bench->popular.n > 0) more[n_more++] = sage_popular_lister(&bench->popular);
    for (size_t i = 0; i < bench->n_runs; i++) more[n_more++] = sage_run_text_lister(bench->runs[i]);
    for (size_t i = 0; i < bench->n_extra; i++) more[n_more++] = bench->extra[i];
    for (size_t m = 0; m < SAGE_METHODS + n_more; m++)
        names[m] = m < SAGE_METHODS ? sage_method_name((sage_method)m) : more[m - SAGE_METHODS].name;
    if (see != NULL) w.of[w.n++] = *see;
    if (write && bench->trec->write_run != NULL) {
        /* Foreign runs have a file already, and what stands behind them is for comparing alone. */
        SAGE_TRY(sage_trec_writer_new(bench->trec->write_run, names, SAGE_METHODS + (bench->popular.n > 0),
                                      sage_engine_index(bench->engine), &writer, error));
        w.of[w.n++] = sage_trec_writer_observer(writer);
    }
    SAGE_TRY(sage_text_trial_run(trial, bench->engine, judgements, n, depth, more, n_more, w.n > 0 ? &all : NULL,
                                 bench->monitor, error));
    if (writer != NULL) finish_writer(bench, writer, trial);
    describe_runs(bench, report);
out:
    sage_trec_writer_free(writer);
    return st;
}

/* ---- events ---- */

/* Every pair's grade is 1. A product that the index does not hold has no id here; its line keeps the count right. */
static sage_status write_qrels(const sage_text_trial *trial, const sage_index *index, const char *path,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    char unknown[48];
    sage_buf out, encoded;
    sage_buf_init(&out, SIZE_MAX);
    sage_buf_init(&encoded, 4096);
    SAGE_TRY(sage_fs_check_plain(path, error));
    for (size_t q = 0; q < trial->judge.n_queries; q++)
        for (size_t e = trial->judge.begin[q]; e < trial->judge.begin[q + 1]; e++) {
            size_t row;
            bool there = sage_index_find(index, trial->judge.entries[e].pid, &row);
            if (!trial->judge.entries[e].first) continue;
            snprintf(unknown, sizeof unknown, "itemsage-unknown-%zu", e);
            const char *id = there ? sage_index_shown(index, row, SAGE_SHOW_ID) : unknown;
            SAGE_TRY(sage_qrels_line(&out, &encoded, q, (sage_str){id, strlen(id)}, 1, error));
        }
    SAGE_TRY(sage_fs_replace(path, out.data != NULL ? out.data : "", out.len, error));
out:
    sage_buf_free(&encoded);
    sage_buf_free(&out);
    return st;
}

sage_status sage_eval_texts(sage_text_bench *bench, const sage_judgement *judgements, size_t n, bool write,
                            sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_text_trial trial = {0};
    sage_error why = {0};
    size_t depth = report->k[report->n_k - 1];
    sage_list_observer watch = {.see = NULL};
    if (bench->notes != NULL && depth < SAGE_CURVE_POINTS) depth = SAGE_CURVE_POINTS;
    if (bench->notes != NULL) {
        SAGE_TRY(sage_notes_more(bench->notes, judgements, n, bench->monitor, &bench->extra, &bench->n_extra, error));
        SAGE_TRY(sage_notes_watch(bench->notes, &trial, sage_text_bench_methods(bench), &watch, error));
    }
    SAGE_TRY(sage_text_bench_run(bench, judgements, n, depth, bench->notes != NULL ? &watch : NULL, write, &trial,
                                 report, error));
    SAGE_TRY(sage_text_trial_report(&trial, report, error));
    if (bench->notes != NULL) SAGE_TRY(sage_notes_texts(bench->notes, &trial, report->k, report->n_k, error));
    if (write && bench->trec->write_qrels != NULL)
        sage_unwritten_note(bench->unwritten,
                            write_qrels(&trial, sage_engine_index(bench->engine), bench->trec->write_qrels, &why),
                            &why);
out:
    bench->n_extra = 0;
    sage_text_trial_free(&trial);
    return st;
}
