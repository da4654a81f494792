/* What there is: /v1/status, the release in service, and /v1/columns, what filters can name in it. */
#include <itemsage/itemsage.h>
#include <serve/answer.h>
#include <serve/problem.h>
#include <serve/results.h>

void sage_answer_status(const sage_turn *turn, const sage_request *request, sage_response *response) {
    static const char *const verified[] = {"verifying", "verified", "damaged"};
    sage_gauges g = {.up_s = 0};
    sage_json_out out = {.buf = &response->body};
    (void)request;
    sage_serve_measure(turn->serve, &g);
    const sage_releases_state *r = &g.releases;
    response->release = r->facts.release;
    sage_out_open(&out, '{');
    sage_out_text_at(&out, "program", ITEMSAGE_VERSION);
    sage_out_whole_at(&out, "release", (int64_t)r->facts.release);
    sage_out_whole_at(&out, "model", (int64_t)r->facts.model);
    sage_out_whole_at(&out, "catalogue_revision", r->facts.catalogue_revision);
    sage_out_whole_at(&out, "products", (int64_t)r->facts.products);
    sage_out_whole_at(&out, "dims", (int64_t)r->facts.dims);
    sage_out_whole_at(&out, "search_width", (int64_t)r->facts.width);
    sage_out_real_at(&out, "search_recall", r->facts.recall);
    sage_out_text_at(&out, "state", verified[r->verified]);
    sage_out_real_at(&out, "age_s", r->age_s);
    sage_out_real_at(&out, "up_s", g.up_s);
    sage_out_whole_at(&out, "swaps", (int64_t)r->swaps);
    sage_out_whole_at(&out, "releases_open", (int64_t)r->open);
    if (*r->fault) sage_out_text_at(&out, "refused", r->fault);
    sage_out_whole_at(&out, "searches_in_flight", (int64_t)g.busy);
    sage_out_whole_at(&out, "connections", (int64_t)g.connections);
    sage_out_whole_at(&out, "recent_events", (int64_t)g.recent);
    sage_out_whole_at(&out, "changes_waiting", (int64_t)g.changes.waiting);
    sage_out_bool_at(&out, "ends", turn->serve->drains);
    sage_out_close(&out, '}');
    sage_results_finish(&out, response);
}

/* As much of a value as helps to choose one; a feed's may have a mebibyte. */
static size_t shown_bytes(const char *text, size_t n) {
    enum { SHOWN = 200 };
    if (n <= SHOWN) return n;
    for (n = SHOWN; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;) n--;
    return n;
}

static void write_common(sage_json_out *out, const sage_filter_column *column) {
    sage_out_key(out, "common");
    sage_out_open(out, '[');
    for (size_t i = 0; i < column->n_common; i++) {
        sage_out_open(out, '{');
        sage_out_key(out, "value");
        sage_out_bytes(out, column->common[i].text, shown_bytes(column->common[i].text, column->common[i].bytes));
        sage_out_whole_at(out, "products", (int64_t)column->common[i].products);
        sage_out_close(out, '}');
    }
    sage_out_close(out, ']');
}

static sage_status write_column(void *ctx, const sage_filter_column *column, sage_error *error) {
    sage_json_out *out = ctx;
    (void)error;
    if (column->products == 0) return SAGE_OK;
    sage_out_open(out, '{');
    sage_out_key(out, "name");
    sage_out_bytes(out, column->name, column->name_bytes);
    sage_out_text_at(out, "kind", column->kind);
    sage_out_whole_at(out, "products", (int64_t)column->products);
    if (column->least <= column->most) {
        sage_out_real_at(out, "least", column->least);
        sage_out_real_at(out, "most", column->most);
    }
    if (column->values > 0) {
        sage_out_whole_at(out, "values", (int64_t)column->values);
        write_common(out, column);
    }
    sage_out_close(out, '}');
    return SAGE_OK;
}

void sage_answer_columns(const sage_turn *turn, const sage_request *request, sage_response *response) {
    sage_json_out out = {.buf = &response->body};
    sage_error error;
    (void)request;
    sage_out_open(&out, '{');
    sage_out_whole_at(&out, "release", (int64_t)sage_serving_facts(turn->serving)->release);
    sage_out_key(&out, "columns");
    sage_out_open(&out, '[');
    const sage_status st =
        sage_searcher_columns(sage_serving_searcher(turn->serving, turn->worker), write_column, &out, &error);
    sage_out_close(&out, ']');
    sage_out_close(&out, '}');
    if (st != SAGE_OK)
        sage_problem_of(response, st, &error, NULL);
    else
        sage_results_finish(&out, response);
}
