/* Graded judgements; and recall weighted by positions. */
#include <report/sections.h>
#include <stdio.h>
#include <string.h>

bool sage_report_has_weighted(const sage_report_data *data) {
    const sage_eval_report *r = data->eval;
    for (size_t i = 0; i < r->n_rows; i++)
        if (r->rows[i].weighted.pairs > 0 && strchr(r->rows[i].task, '/') == NULL) return true;
    return false;
}

static void weighted(sage_page *page, const sage_eval_report *r) {
    char words[SAGE_WORDS];
    bool any = false;
    for (size_t i = 0; i < r->n_rows; i++) {
        const sage_eval_weighted *w = &r->rows[i].weighted;
        if (w->pairs == 0 || strchr(r->rows[i].task, '/') != NULL) continue;
        if (!any) {
            sage_page_section(
                page, "weighted", "Weighted by position",
                "People click what they see. Here each event weighs 1 / the probability that its product was "
                "seen where it was shown; the plain recall of the same events stands beside.");
            sage_page_table(page, "Inverse-propensity-weighted pair recall, in per cent");
            sage_page_text(page,
                           "<thead><tr><th class=\"words\" scope=\"col\">Method</th><th class=\"words\" "
                           "scope=\"col\">Task</th><th "
                           "scope=\"col\">Pairs</th><th scope=\"col\">Worth as many</th><th scope=\"col\">Cut, %</th>");
            for (size_t j = 0; j < r->n_k; j++)
                sage_page_printf(page, "<th scope=\"col\">Plain@%zu</th><th scope=\"col\">Weighted@%zu</th>", r->k[j],
                                 r->k[j]);
            sage_page_text(page, "</tr></thead><tbody>\n");
        }
        any = true;
        sage_page_text(page, "<tr><th class=\"words\" scope=\"row\">");
        sage_page_name(page, r->rows[i].method);
        sage_page_text(page, "</th><td class=\"words\">");
        sage_page_name(page, sage_report_task(r->rows[i].task));
        sage_page_printf(page, "</td><td>%s</td>", sage_words_count(words, w->pairs));
        sage_page_printf(page, "<td>%s</td>", sage_words_count(words, (uint64_t)(w->effective + 0.5)));
        sage_page_printf(page, "<td>%s</td>",
                         sage_words_percent(words, (double)w->clipped / (double)(w->events > 0 ? w->events : 1)));
        for (size_t j = 0; j < r->n_k; j++) {
            sage_page_printf(page, "<td>%s</td>", sage_words_percent(words, w->unweighted[j].value));
            sage_page_printf(page, "<td>%s</td>", sage_words_interval(words, &w->recall[j]));
        }
        sage_page_text(page, "</tr>\n");
    }
    if (!any) return;
    sage_page_end_table(page);
    sage_page_printf(page,
                     "<p class=\"note\">Position r is seen with probability r^-%g where an event does not say; no "
                     "event weighs more than %g.</p>\n",
                     r->position_power, r->weight_clip);
    sage_page_end_section(page);
}

static void rows(sage_page *page, const sage_eval_report *r, bool judged_only) {
    char words[SAGE_WORDS];
    sage_page_table(page, judged_only ? "Judged products alone: the others are taken out of every list first"
                                      : "Whole lists: what nobody judged gains nothing");
    sage_page_text(page, "<thead><tr><th class=\"words\" scope=\"col\">Method</th>");
    for (size_t j = 0; j < r->n_k; j++) sage_page_printf(page, "<th scope=\"col\">nDCG@%zu</th>", r->k[j]);
    for (size_t j = 0; j < r->n_k; j++) sage_page_printf(page, "<th scope=\"col\">Recall@%zu</th>", r->k[j]);
    if (!judged_only)
        for (size_t j = 0; j < r->n_k; j++) sage_page_printf(page, "<th scope=\"col\">Unjudged@%zu, %%</th>", r->k[j]);
    sage_page_text(page, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < r->graded.n_rows; i++) {
        const sage_graded_row *row = &r->graded.row[i];
        if (row->judged_only != judged_only) continue;
        sage_page_text(page, "<tr><th class=\"words\" scope=\"row\">");
        sage_page_name(page, row->method);
        sage_page_text(page, "</th>");
        for (size_t j = 0; j < r->n_k; j++)
            sage_page_printf(page, "<td>%s</td>", sage_words_interval(words, &row->ndcg[j]));
        for (size_t j = 0; j < r->n_k; j++)
            sage_page_printf(page, "<td>%s</td>", sage_words_interval(words, &row->recall[j]));
        for (size_t j = 0; j < r->n_k && !judged_only; j++)
            sage_page_printf(page, "<td>%s</td>", sage_words_percent(words, 1 - row->judged[j].value));
        sage_page_text(page, "</tr>\n");
    }
    sage_page_end_table(page);
}

void sage_report_graded(sage_page *page, const sage_report_data *data) {
    const sage_graded_report *g = &data->eval->graded;
    char a[SAGE_WORDS], b[SAGE_WORDS];
    weighted(page, data->eval);
    if (g->n_rows == 0) return;
    sage_page_section(page, "graded", "Judgements", NULL);
    sage_page_text(page, "<p class=\"lead\">");
    sage_page_name(page, g->source);
    sage_page_printf(page, ": %s graded judgements of %s searches", sage_words_count(a, g->judgements),
                     sage_words_count(b, g->queries));
    if (g->seen > 0)
        sage_page_printf(page, "; %s others are left out, since the model has learned from them",
                         sage_words_count(a, g->seen));
    sage_page_printf(page, ". A grade is worth %s, g = grade - %g; discount 1 / log2(rank + 1).</p>\n",
                     g->gain == SAGE_GAIN_LINEAR ? "g" : "2^g - 1", g->grade_zero);
    rows(page, data->eval, false);
    rows(page, data->eval, true);
    sage_page_end_section(page);
}
