/* Which methods differ: pairs of them on the same queries. */
#include <report/sections.h>
#include <report/svg.h>
#include <string.h>

static void interval(sage_page *page, const sage_interval *d) {
    char words[SAGE_WORDS];
    bool differs = d->low > 0 || d->high < 0;
    sage_page_printf(page, "<td%s>%s</td>", differs ? " class=\"differs\"" : "", sage_words_difference(words, d));
}

static void begin(sage_page *page, const sage_eval_report *eval, const char *caption, bool p) {
    sage_page_table(page, caption);
    sage_page_text(page, "<thead><tr><th scope=\"col\">Method</th><th scope=\"col\" class=\"words\">minus</th>");
    for (size_t k = 0; k < eval->n_k; k++) {
        sage_page_printf(page, "<th scope=\"col\">first %zu</th>", eval->k[k]);
        if (p) sage_page_text(page, "<th scope=\"col\">p</th>");
    }
    sage_page_text(page, "</tr></thead><tbody>\n");
}

static void names(sage_page *page, const char *method, const char *against) {
    sage_page_text(page, "<tr><th scope=\"row\">");
    sage_page_name(page, method);
    sage_page_text(page, "</th><td class=\"words\">");
    sage_page_name(page, against);
    sage_page_text(page, "</td>");
}

static void p_value(sage_page *page, double p) {
    sage_page_printf(page, p < 0.0015 ? "<td>&lt; 0.002</td>" : "<td>%.3f</td>", p);
}

static void compared(sage_page *page, const sage_report_data *data) {
    if (data->n_comparisons == 0) return;
    begin(page, data->eval, "Search texts: points of pair recall [95 % interval], and the two-sided bootstrap p-value",
          true);
    for (size_t i = 0; i < data->n_comparisons; i++) {
        const sage_comparison *c = &data->comparisons[i];
        names(page, c->method, c->against);
        for (size_t k = 0; k < data->eval->n_k; k++) {
            interval(page, &c->difference[k]);
            p_value(page, c->p[k]);
        }
        sage_page_text(page, "</tr>\n");
    }
    sage_page_end_table(page);
}

static bool shown(const sage_report_data *data, const sage_eval_difference *d) {
    return strchr(d->task, '/') == NULL && (data->n_comparisons == 0 || strcmp(d->task, "all") != 0);
}

static void others(sage_page *page, const sage_report_data *data) {
    const sage_eval_report *eval = data->eval;
    const char *open = NULL;
    for (size_t i = 0; i < eval->n_differences; i++) {
        const sage_eval_difference *d = &eval->differences[i];
        bool repeated = false;
        for (size_t j = 0; j < i; j++) repeated = repeated || strcmp(eval->differences[j].task, d->task) == 0;
        if (!shown(data, d) || repeated) continue;
        open = d->task;
        begin(page, eval, sage_report_task(open), false);
        for (size_t j = i; j < eval->n_differences; j++) {
            const sage_eval_difference *same = &eval->differences[j];
            if (strcmp(same->task, open) != 0) continue;
            names(page, same->method, same->against);
            for (size_t k = 0; k < eval->n_k; k++) interval(page, &same->pair_recall[k]);
            sage_page_text(page, "</tr>\n");
        }
        sage_page_end_table(page);
    }
}

void sage_report_differences(sage_page *page, const sage_report_data *data) {
    if (data->n_comparisons + data->eval->n_differences == 0) return;
    sage_page_section(page, "differences", "Which differ",
                      "One method minus the other, judged on the same queries and in the same resamples of them, so "
                      "that what is hard for both falls out. Bold: the interval does not hold 0. With many pairs a "
                      "few seem to differ by chance alone, one in twenty.");
    compared(page, data);
    others(page, data);
    sage_page_end_section(page);
}
