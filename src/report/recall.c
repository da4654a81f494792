/* Recall of every method: a card a task, with dots and the same as a table. */
#include <report/sections.h>
#include <report/svg.h>
#include <stdio.h>
#include <string.h>

enum { METHODS_MAX = 24 };

static size_t rows_of(const sage_eval_report *eval, const char *task, const sage_eval_row *rows[METHODS_MAX]) {
    size_t n = 0;
    for (size_t i = 0; i < eval->n_rows && n < METHODS_MAX; i++)
        if (strcmp(eval->rows[i].task, task) == 0) rows[n++] = &eval->rows[i];
    return n;
}

static bool first_of_task(const sage_eval_report *eval, size_t row) {
    for (size_t i = 0; i < row; i++)
        if (strcmp(eval->rows[i].task, eval->rows[row].task) == 0) return false;
    return true;
}

static void draw(sage_page *page, const sage_report_data *data, const sage_eval_row *const *rows, size_t n, size_t at,
                 size_t number) {
    sage_dot list[METHODS_MAX];
    char id[32], title[160];
    for (size_t i = 0; i < n; i++) list[i] = (sage_dot){rows[i]->method, rows[i]->pair_recall[at]};
    snprintf(id, sizeof id, "recall-%zu-%zu", number, at);
    snprintf(title, sizeof title, "%.100s: found among the first %zu", sage_report_task(rows[0]->task),
             data->eval->k[at]);
    sage_svg_dots(page, &(sage_dots){.id = id, .title = title, .list = list, .n = n});
}

static void table(sage_page *page, const sage_report_data *data, const sage_eval_row *const *rows, size_t n) {
    char words[SAGE_WORDS];
    sage_page_table(page, "Pairs found, in per cent [95 % interval]");
    sage_page_text(page, "<thead><tr><th scope=\"col\">Method</th>");
    for (size_t k = 0; k < data->eval->n_k; k++)
        sage_page_printf(page, "<th scope=\"col\">first %zu</th>", data->eval->k[k]);
    sage_page_text(page, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < n; i++) {
        sage_page_text(page, "<tr><th scope=\"row\">");
        sage_page_name(page, rows[i]->method);
        sage_page_text(page, "</th>");
        for (size_t k = 0; k < data->eval->n_k; k++)
            sage_page_printf(page, "<td>%s</td>", sage_words_interval(words, &rows[i]->pair_recall[k]));
        sage_page_text(page, "</tr>\n");
    }
    sage_page_end_table(page);
}

static void card(sage_page *page, const sage_report_data *data, const char *task, size_t number) {
    const sage_eval_row *rows[METHODS_MAX];
    char pairs[SAGE_WORDS], queries[SAGE_WORDS];
    size_t n = rows_of(data->eval, task, rows), last = data->eval->n_k - 1;
    sage_page_text(page, "<figure class=\"card\"><h3>");
    sage_page_name(page, sage_report_task(task));
    sage_page_printf(page, "</h3>\n<figcaption>%s pairs of %s queries, first %zu",
                     sage_words_count(pairs, rows[0]->pairs), sage_words_count(queries, rows[0]->queries),
                     data->eval->k[0]);
    if (last > 0) sage_page_printf(page, ", below first %zu", data->eval->k[last]);
    sage_page_text(page, "</figcaption>\n");
    draw(page, data, rows, n, 0, number);
    if (last > 0) draw(page, data, rows, n, last, number);
    table(page, data, rows, n);
    sage_page_text(page, "</figure>\n");
}

/* Surfaces as wholes first, then each kind of event. */
static void cards(sage_page *page, const sage_report_data *data, bool kinds) {
    size_t number = 0;
    sage_page_text(page, "<div class=\"cards\">\n");
    for (size_t i = 0; i < data->eval->n_rows; i++, number++) {
        const char *task = data->eval->rows[i].task;
        if (first_of_task(data->eval, i) && (strchr(task, '/') != NULL) == kinds) card(page, data, task, number);
    }
    sage_page_text(page, "</div>\n");
}

void sage_report_recall(sage_page *page, const sage_report_data *data) {
    bool kinds = false;
    for (size_t i = 0; i < data->eval->n_rows; i++) kinds = kinds || strchr(data->eval->rows[i].task, '/') != NULL;
    sage_page_section(page, "recall", "What is found",
                      "The share of held-out pairs, a query and what was chosen for it, whose product is among the "
                      "first results. Lines are 95 % intervals over queries.");
    cards(page, data, false);
    if (kinds) {
        sage_page_fold(page, "By kind of event");
        cards(page, data, true);
        sage_page_end_fold(page);
    }
    sage_page_end_section(page);
}
