/* What the figures say, in words: what leads against what a shop would have without it. */
#include <math.h>
#include <report/sections.h>
#include <stdio.h>
#include <string.h>

typedef struct contest {
    const char *task;
    const char *leading[3], *against[5]; /* in order of preference */
} contest;

static const sage_eval_row *find(const sage_eval_report *eval, const char *task, const char *method) {
    for (size_t i = 0; i < eval->n_rows && method != NULL; i++)
        if (strcmp(eval->rows[i].task, task) == 0 && strcmp(eval->rows[i].method, method) == 0) return &eval->rows[i];
    return NULL;
}

/* Of a minus b, whichever way round it was taken. */
static bool between(const sage_report_data *data, const char *task, const char *a, const char *b, sage_interval *out) {
    for (size_t i = 0; i < data->n_comparisons; i++) {
        const sage_comparison *c = &data->comparisons[i];
        bool same = strcmp(c->task, task) == 0 && strcmp(c->method, a) == 0 && strcmp(c->against, b) == 0;
        bool other = strcmp(c->task, task) == 0 && strcmp(c->method, b) == 0 && strcmp(c->against, a) == 0;
        const sage_interval *d = &c->difference[0];
        if (same) *out = *d;
        if (other) *out = (sage_interval){-d->value, -d->high, -d->low};
        if (same || other) return true;
    }
    for (size_t i = 0; i < data->eval->n_differences; i++) {
        const sage_eval_difference *d = &data->eval->differences[i];
        if (strcmp(d->task, task) != 0 || strcmp(d->method, a) != 0 || strcmp(d->against, b) != 0) continue;
        *out = d->pair_recall[0];
        return true;
    }
    return false;
}

static void name_of(sage_page *page, const char *method) {
    sage_page_text(page, "<strong>");
    sage_page_name(page, method);
    sage_page_text(page, "</strong>");
}

/* "11 % more", and where the other finds nothing, nothing to divide by: "more". */
static void how_much(sage_page *page, double ours, double theirs, bool more) {
    if (theirs > 0 && ours >= 3 * theirs)
        sage_page_printf(page, " finds %.1f times as much as ", ours / theirs);
    else if (theirs > 0)
        sage_page_printf(page, " finds %.0f %% %s than ", 100 * fabs(ours / theirs - 1), more ? "more" : "less");
    else
        sage_page_printf(page, " finds %s than ", more ? "more" : "less");
}

static bool say(sage_page *page, const sage_report_data *data, const char *task, const sage_eval_row *ours,
                const sage_eval_row *theirs) {
    sage_interval d;
    char a[SAGE_WORDS], b[SAGE_WORDS], words[SAGE_WORDS];
    if (!between(data, task, ours->method, theirs->method, &d)) return false;
    bool better = d.low > 0, worse = d.high < 0;
    sage_page_printf(page, "<li class=\"%s\">%s: ",
                     better  ? "better"
                     : worse ? "worse"
                             : "equal",
                     sage_report_task(task));
    name_of(page, ours->method);
    if (better || worse)
        how_much(page, ours->pair_recall[0].value, theirs->pair_recall[0].value, better);
    else
        sage_page_text(page, " cannot be told from ");
    name_of(page, theirs->method);
    sage_page_printf(page,
                     " among the first %zu: %s against %s of 100 held-out choices, a difference of %s points (95 %% "
                     "intervals in brackets).</li>\n",
                     data->eval->k[0], sage_words_percent(a, ours->pair_recall[0].value),
                     sage_words_percent(b, theirs->pair_recall[0].value), sage_words_difference(words, &d));
    return true;
}

static void say_alone(sage_page *page, const sage_report_data *data, const char *task, const sage_eval_row *ours) {
    char words[SAGE_WORDS];
    sage_page_printf(page, "<li class=\"equal\">%s: ", sage_report_task(task));
    name_of(page, ours->method);
    sage_page_printf(page,
                     " finds %s of 100 held-out choices among the first %zu (95 %% interval in brackets). There is no "
                     "other method to compare it with.</li>\n",
                     sage_words_interval(words, &ours->pair_recall[0]), data->eval->k[0]);
}

static void compete(sage_page *page, const sage_report_data *data, const contest *c) {
    const sage_eval_row *ours = NULL;
    bool compared = false;
    for (size_t i = 0; i < 3 && ours == NULL && c->leading[i] != NULL; i++)
        ours = find(data->eval, c->task, c->leading[i]);
    for (size_t i = 0; i < 5 && ours != NULL && c->against[i] != NULL; i++) {
        const sage_eval_row *theirs = find(data->eval, c->task, c->against[i]);
        if (theirs != NULL) compared = say(page, data, c->task, ours, theirs) || compared;
    }
    if (ours != NULL && !compared) say_alone(page, data, c->task, ours);
}

void sage_report_verdict(sage_page *page, const sage_report_data *data) {
    static const contest contests[] = {
        {"all", {"hybrid"}, {"keywords", "previous", "sentences", "co-click", "popular"}},
        {"image", {"vectors"}, {NULL}},
        {"user", {"hybrid", "vectors", "interests"}, {"item-knn", "popular", "own"}},
        {"product", {"vectors", "similar"}, {"item-knn", "popular"}},
    };
    sage_page_section(page, "verdict", "In short", NULL);
    sage_page_text(page, "<ul class=\"verdict\">\n");
    for (size_t i = 0; i < sizeof contests / sizeof *contests; i++) compete(page, data, &contests[i]);
    sage_page_text(page, "</ul>\n");
    if (data->head.before_fault[0] != '\0') {
        sage_page_text(page, "<p class=\"note\">The release before this one cannot be asked any more: ");
        sage_page_name(page, data->head.before_fault);
        sage_page_text(page, ".</p>\n");
    } else if (data->head.before_index == 0 && data->n_comparisons > 0)
        sage_page_text(page, "<p class=\"note\">There is no release before this one to compare with.</p>\n");
    if (data->head.before_index > 0 && data->head.before_dataset != data->head.dataset)
        sage_page_printf(page,
                         "<p class=\"note\">The release before (<strong>previous</strong>) learned from dataset %llu, "
                         "not %llu: it may have seen some of what is judged here, or less of what came before "
                         "it.</p>\n",
                         (unsigned long long)data->head.before_dataset, (unsigned long long)data->head.dataset);
    sage_page_text(page,
                   "<p class=\"note\">Each query is asked anew, and what its person then chose is looked for among "
                   "the first results. An interval that holds 0 says that the queries at hand cannot tell the two "
                   "apart, not that they are equal.</p>\n");
    sage_page_end_section(page);
}
