/* Searches one by one: what was wanted, and what came. */
#include <report/sections.h>
#include <string.h>

enum { TITLE_CHARACTERS = 90, QUERY_CHARACTERS = 120 };

static void place(sage_page *page, uint32_t at) {
    if (at > 0)
        sage_page_printf(page, "place %u", at);
    else
        sage_page_text(page, "not among the first 100");
}

static bool any_picture(const sage_shown_queries *queries) {
    for (size_t q = 0; queries != NULL && q < queries->n; q++) {
        const sage_shown_query *query = &queries->list[q];
        for (size_t i = 0; i < query->n_wanted; i++)
            if (query->wanted[i].thumbnail.len > 0) return true;
        for (size_t i = 0; i < query->n_results; i++)
            if (query->results[i].thumbnail.len > 0) return true;
    }
    return false;
}

static void picture(sage_page *page, const sage_shown_product *product) {
    if (product->thumbnail.len == 0) {
        sage_page_text(page, "<span class=\"blank\"></span>");
        return;
    }
    sage_page_text(page, "<img alt=\"\" src=\"data:image/jpeg;base64,");
    sage_page_base64(page, product->thumbnail);
    sage_page_text(page, "\"/>");
}

static void title(sage_page *page, const sage_shown_product *product) {
    const char *text = product->title != NULL && product->title[0] != '\0' ? product->title : product->id;
    sage_page_text(page, "<bdi>");
    if (text != NULL)
        sage_page_words(page, (sage_str){text, strlen(text)}, TITLE_CHARACTERS);
    else
        sage_page_text(page, "a product that is not in the index");
    sage_page_text(page, "</bdi>");
}

static void wanted(sage_page *page, const sage_shown_query *query, bool before) {
    sage_page_text(page, "<h4>Wanted</h4><ol class=\"products\">\n");
    for (size_t i = 0; i < query->n_wanted; i++) {
        sage_page_text(page, "<li>");
        picture(page, &query->wanted[i]);
        sage_page_text(page, "<span>");
        title(page, &query->wanted[i]);
        sage_page_text(page, "<br/><span class=\"range\">");
        place(page, query->wanted[i].place);
        if (before) {
            sage_page_text(page, "; before: ");
            place(page, query->wanted[i].before);
        }
        sage_page_text(page, "</span></span></li>\n");
    }
    sage_page_text(page, "</ol>\n");
}

static void results(sage_page *page, const sage_shown_query *query) {
    sage_page_text(page, "<h4>Found first, by hybrid</h4><ol class=\"products\">\n");
    for (size_t i = 0; i < query->n_results; i++) {
        sage_page_printf(page, "<li%s>", query->results[i].wanted ? " class=\"hit\"" : "");
        picture(page, &query->results[i]);
        sage_page_text(page, "<span>");
        title(page, &query->results[i]);
        if (query->results[i].wanted) sage_page_text(page, " \xe2\x9c\x93<span class=\"range\"> wanted</span>");
        sage_page_text(page, "</span></li>\n");
    }
    sage_page_text(page, "</ol>\n");
    if (query->n_results == 0) sage_page_text(page, "<p class=\"note\">Nothing.</p>\n");
}

static bool has(const sage_shown_queries *queries) {
    return queries != NULL && queries->n > 0;
}

bool sage_report_has_queries(const sage_report_data *data) {
    return has(data->worst) || has(data->gained) || has(data->lost);
}

static void list(sage_page *page, const sage_shown_queries *queries, const char *heading, bool before) {
    char pairs[SAGE_WORDS], found[SAGE_WORDS], then[SAGE_WORDS];
    if (!has(queries)) return;
    sage_page_printf(page, "<h3 class=\"later\">%s</h3>\n<div class=\"queries\">\n", heading);
    for (size_t i = 0; i < queries->n; i++) {
        const sage_shown_query *query = &queries->list[i];
        sage_page_text(page, "<article class=\"card query\"><h3>\xe2\x80\x9c<bdi>");
        sage_page_words(page, query->text, QUERY_CHARACTERS);
        sage_page_printf(page, "</bdi>\xe2\x80\x9d</h3><p class=\"note\">%s of %s found",
                         sage_words_count(found, query->found), sage_words_count(pairs, query->pairs));
        if (before) sage_page_printf(page, "; %s before", sage_words_count(then, query->found_before));
        sage_page_text(page, "</p>\n");
        wanted(page, query, before);
        results(page, query);
        sage_page_text(page, "</article>\n");
    }
    sage_page_text(page, "</div>\n");
}

void sage_report_queries(sage_page *page, const sage_report_data *data) {
    if (!sage_report_has_queries(data)) return;
    sage_page_section(page, "queries", "Single searches",
                      "Figures do not say what goes wrong; these do. Often what came first would have done as well, "
                      "and was only not the one that was chosen.");
    bool pictures = any_picture(data->worst) || any_picture(data->gained) || any_picture(data->lost);
    sage_page_text(page, pictures ? "<div>\n" : "<div class=\"plain\">\n");
    list(page, data->worst, "Where hybrid misses most", false);
    list(page, data->gained, "Better than the release before", true);
    list(page, data->lost, "Worse than the release before", true);
    sage_page_text(page, "</div>\n");
    sage_page_end_section(page);
}
