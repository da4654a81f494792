#include <report/sections.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void fact(sage_page *page, const char *name, const char *value) {
    sage_page_printf(page, "<div><dt>%s</dt><dd>", name);
    sage_page_name(page, value);
    sage_page_text(page, "</dd></div>\n");
}

static void number(sage_page *page, const char *name, uint64_t value) {
    char words[SAGE_WORDS];
    fact(page, name, sage_words_count(words, value));
}

/* "2026-03-31", in UTC. */
static void day(sage_page *page, const char *name, int64_t time_ms) {
    char words[SAGE_WORDS];
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    if (time_ms == INT64_MIN || gmtime_r(&seconds, &parts) == NULL) return;
    if (strftime(words, sizeof words, "%Y-%m-%d", &parts) > 0) fact(page, name, words);
}

static uint64_t queries_of(const sage_eval_report *eval, const char *task) {
    for (size_t i = 0; i < eval->n_rows; i++)
        if (strcmp(eval->rows[i].task, task) == 0) return eval->rows[i].queries;
    return 0;
}

static void facts(sage_page *page, const sage_report_data *data) {
    static const struct {
        const char *task, *name;
    } asked[] = {{"all", "Search texts judged"},
                 {"image", "Pictures judged"},
                 {"user", "People judged"},
                 {"product", "Products looked at, judged"}};
    const sage_report_head *head = &data->head;
    sage_page_text(page, "<dl class=\"facts\">\n");
    fact(page, "Judged on", data->eval->source);
    number(page, "Products in the index", head->products);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        if (queries_of(data->eval, asked[i].task) > 0)
            number(page, asked[i].name, queries_of(data->eval, asked[i].task));
    number(page, "Model", head->model);
    number(page, "Index", head->index);
    number(page, "Keyword index", head->keywords);
    if (head->dataset > 0) number(page, "Dataset", head->dataset);
    if (head->before_index > 0) {
        char before[SAGE_WORDS];
        snprintf(before, sizeof before, "model %llu, index %llu", (unsigned long long)head->before_model,
                 (unsigned long long)head->before_index);
        fact(page, "Release before", before);
    }
    number(page, "Numbers a vector", data->eval->dims > 0 ? data->eval->dims : head->dimensions);
    day(page, "Newest event", head->newest_event_ms);
    if (data->eval->unknown_pairs > 0) number(page, "Pairs of products not in the index", data->eval->unknown_pairs);
    sage_page_text(page, "</dl>\n");
}

static void contents(sage_page *page, const sage_report_data *data) {
    const struct {
        const char *id, *name;
        bool there;
    } list[] = {{"verdict", "In short", true},
                {"recall", "What is found", true},
                {"curves", "By length of the list", data->n_curves > 0},
                {"differences", "Which differ", data->n_comparisons + data->eval->n_differences > 0},
                {"weighted", "By position", sage_report_has_weighted(data)},
                {"graded", "Judgements", data->eval->graded.n_rows > 0},
                {"slices", "Popular, rare, new", data->n_sliced > 0},
                {"reach", "What is shown", data->n_reaches > 0},
                {"calibration", "Scores", data->n_calibrations > 0},
                {"queries", "Single searches", sage_report_has_queries(data)},
                {"map", "Map of products", data->map != NULL && data->map->n > 1},
                {"training", "Training", data->training != NULL && data->training->n_losses > 0},
                {"ablation", "Parts of the model", data->ablation != NULL},
                {"figures", "All figures", true}};
    sage_page_text(page, "<nav aria-label=\"Sections\"><ul>\n");
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i].there) sage_page_printf(page, "<li><a href=\"#%s\">%s</a></li>\n", list[i].id, list[i].name);
    sage_page_text(page, "</ul></nav>\n");
}

void sage_report_head_of(sage_page *page, const sage_report_data *data) {
    sage_page_text(page, "<header>\n<h1>How good are the recommendations?</h1>\n<p class=\"lead\">The shop <bdi>");
    sage_page_name(page, data->head.shop);
    sage_page_text(page, "</bdi>, judged on choices that the model did not learn from.</p>\n");
    if (data->eval->simulated)
        sage_page_text(page,
                       "<p class=\"banner\" role=\"note\">SIMULATED EVENTS. No person did what this page judges on: "
                       "<code>itemsage synth events</code> made it up. The figures show that the program works, not "
                       "how good its results are for shoppers.</p>\n");
    facts(page, data);
    contents(page, data);
    sage_page_text(page, "</header>\n");
}

const char *sage_report_task(const char *task) {
    static const char *const names[][2] = {{"all", "Search texts"},
                                           {"image", "Searches by picture"},
                                           {"user", "People, by what they did before"},
                                           {"user repeats", "People: what they knew before"},
                                           {"user new", "People: what was new to them"},
                                           {"product", "What goes with a product"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], task) == 0) return names[i][1];
    return task;
}
