/* What each part of the model is worth: the tables of the last `itemsage ablate`, whatever of them can be read. */
#include <io/json.h>
#include <report/sections.h>
#include <stdio.h>
#include <string.h>

static bool interval_of(json_t *object, const char *figure, const char *k, sage_interval *out) {
    json_t *of = json_object_get(json_object_get(object, figure), k);
    json_t *value = json_object_get(of, "value"), *low = json_object_get(of, "low"),
           *high = json_object_get(of, "high");
    if (!json_is_number(value)) return false;
    out->value = json_number_value(value);
    out->low = json_is_number(low) ? json_number_value(low) : out->value;
    out->high = json_is_number(high) ? json_number_value(high) : out->value;
    return true;
}

static void text_of(sage_page *page, json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    sage_page_name(page, text != NULL ? text : "");
}

/* A row of each task that is not a single kind of event. */
static void ablated(sage_page *page, json_t *row, const char *k) {
    char words[SAGE_WORDS];
    sage_interval i;
    size_t t;
    json_t *task;
    json_array_foreach(json_object_get(row, "tasks"), t, task) {
        const char *name = json_string_value(json_object_get(task, "task"));
        if (name == NULL || strchr(name, '/') != NULL || !interval_of(task, "pair_recall", k, &i)) continue;
        sage_page_text(page, "<tr><th class=\"words\" scope=\"row\">");
        text_of(page, row, "name");
        sage_page_text(page, "</th><td class=\"words\">");
        sage_page_name(page, name);
        sage_page_printf(page, "</td><td>%s</td>", sage_words_interval(words, &i));
        if (json_is_true(json_object_get(row, "base")) || !interval_of(task, "difference", k, &i))
            sage_page_text(page, "<td>setting in force</td>");
        else
            sage_page_printf(page, "<td class=\"%s\">%s</td>",
                             i.low > 0    ? "up"
                             : i.high < 0 ? "down"
                                          : "same",
                             sage_words_difference(words, &i));
        sage_page_printf(page, "<td>%.0f</td></tr>\n", json_number_value(json_object_get(row, "seconds")));
    }
}

static void ablation_table(sage_page *page, json_t *table, const char *k) {
    const char *title = json_string_value(json_object_get(table, "title"));
    size_t r;
    json_t *row;
    sage_page_table(page, title != NULL ? title : "");
    sage_page_text(page,
                   "<thead><tr><th class=\"words\" scope=\"col\">Row</th><th class=\"words\" scope=\"col\">Task</th>");
    sage_page_printf(page,
                     "<th scope=\"col\">Pair recall@%.8s, %%</th><th scope=\"col\">minus that of the setting in force, "
                     "points</th><th "
                     "scope=\"col\">Seconds</th></tr></thead><tbody>\n",
                     k);
    json_array_foreach(json_object_get(table, "rows"), r, row) ablated(page, row, k);
    sage_page_end_table(page);
}

void sage_report_ablation(sage_page *page, const sage_report_data *data) {
    if (data->ablation == NULL) return;
    json_t *root = json_loads(data->ablation, 0, NULL), *table;
    char k[24];
    size_t t;
    snprintf(k, sizeof k, "%lld", (long long)json_integer_value(json_array_get(json_object_get(root, "k"), 0)));
    if (json_array_size(json_object_get(root, "tables")) > 0) {
        sage_page_section(
            page, "ablation", "What each part of the model is worth",
            "From the shop's last `itemsage ablate`: one setting changed at a time, judged by vectors alone.");
        json_array_foreach(json_object_get(root, "tables"), t, table) ablation_table(page, table, k);
        sage_page_end_section(page);
    }
    json_decref(root);
}
