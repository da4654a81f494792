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

/* "11 % more than", and where the other finds nothing, nothing to divide by: "more than". */
static void how_much(sage_page *page, double ours, double theirs, bool more) {
    if (theirs > 0 && ours >= 3 * theirs)
        sage_page_printf(page, "%.1f times as much as ", ours / theirs);
    else if (theirs > 0)
        sage_page_printf(page, "%.0f %% %s than ", 100 * fabs(ours / theirs - 1), more ? "more" : "less");
    else
        sage_page_printf(page, "%s than ", more ? "more" : "less");
}

static void say(sage_page *page, const sage_eval_row *ours, const sage_eval_row *theirs, const sage_interval *d) {
    char share[SAGE_WORDS], words[SAGE_WORDS];
    bool better = d->low > 0, worse = d->high < 0;
    sage_page_printf(page, "<li class=\"%s\">", better ? "better" : worse ? "worse" : "equal");
    if (better || worse)
        how_much(page, ours->pair_recall[0].value, theirs->pair_recall[0].value, better);
    else
        sage_page_text(page, "cannot be told from ");
    name_of(page, theirs->method);
    sage_page_printf(page, ", which finds %s: %s points</li>\n",
                     sage_words_percent(share, theirs->pair_recall[0].value), sage_words_difference(words, d));
}

static void compete(sage_page *page, const sage_report_data *data, const contest *c) {
    const sage_eval_row *ours = NULL;
    char words[SAGE_WORDS];
    size_t n = 0;
    for (size_t i = 0; i < 3 && ours == NULL; i++) ours = find(data->eval, c->task, c->leading[i]);
    if (ours == NULL) return;
    sage_page_printf(page, "<div class=\"card\"><h3>%s</h3>\n<p>", sage_report_task(c->task));
    name_of(page, ours->method);
    sage_page_printf(page, " finds %s of 100 held-out choices among its first %zu.</p>\n<ul class=\"verdict\">\n",
                     sage_words_interval(words, &ours->pair_recall[0]), data->eval->k[0]);
    for (size_t i = 0; i < 5 && c->against[i] != NULL; i++) {
        const sage_eval_row *theirs = find(data->eval, c->task, c->against[i]);
        sage_interval d;
        if (theirs == NULL || !between(data, c->task, ours->method, theirs->method, &d)) continue;
        say(page, ours, theirs, &d);
        n++;
    }
    sage_page_text(page, n > 0 ? "</ul></div>\n"
                               : "<li class=\"equal\">no other method to compare it with</li></ul></div>\n");
}

static void notes(sage_page *page, const sage_report_head *head, bool compared) {
    if (head->before_fault[0] != '\0') {
        sage_page_text(page, "<p class=\"note\">The release before this one cannot be asked any more: ");
        sage_page_name(page, head->before_fault);
        sage_page_text(page, ".</p>\n");
    } else if (head->before_index == 0 && compared)
        sage_page_text(page, "<p class=\"note\">There is no release before this one to compare with.</p>\n");
    if (head->before_index > 0 && head->before_dataset != head->dataset)
        sage_page_printf(page,
                         "<p class=\"note\">The release before (<strong>previous</strong>) learned from dataset %llu, "
                         "not %llu: it may have seen some of what is judged here, or less of what came before "
                         "it.</p>\n",
                         (unsigned long long)head->before_dataset, (unsigned long long)head->dataset);
}

void sage_report_verdict(sage_page *page, const sage_report_data *data) {
    static const contest contests[] = {
        {"all", {"hybrid"}, {"keywords", "previous", "sentences", "co-click", "popular"}},
        {"image", {"vectors"}, {NULL}},
        {"user", {"hybrid", "vectors", "interests"}, {"item-knn", "popular", "own"}},
        {"product", {"vectors", "similar"}, {"item-knn", "popular"}},
    };
    sage_page_section(page, "verdict", "In short", NULL);
    sage_page_text(page, "<div class=\"cards wide\">\n");
    for (size_t i = 0; i < sizeof contests / sizeof *contests; i++) compete(page, data, &contests[i]);
    sage_page_text(page, "</div>\n");
    notes(page, &data->head, data->n_comparisons > 0);
    sage_page_text(page,
                   "<p class=\"note\">Each query is asked anew, and what its person then chose is looked for among "
                   "the first results. Brackets are 95 % intervals; a difference whose interval holds 0 says that the "
                   "queries at hand cannot tell the two apart, not that they are equal.</p>\n");
    sage_report_methods(page, data);
    sage_page_end_section(page);
}
