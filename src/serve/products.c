/* PUT, PATCH and DELETE /v1/products/{id}, POST /v1/products: products come, change and go. */
#include <base/alloc.h>
#include <base/error.h>
#include <serve/answer.h>
#include <serve/problem.h>
#include <serve/product_list.h>
#include <serve/results.h>
#include <shop/searcher_live.h>

/* What is to be done. Texts lie in `texts`. */
typedef struct wish {
    sage_product_change change;
    sage_changed_product *products;
    size_t n;
    sage_buf texts;
    sage_product_json *json;
} wish;

static void clear(wish *w) {
    sage_free(w->products);
    sage_buf_free(&w->texts);
    sage_product_json_free(w->json);
}

/* False: `response` is the problem. */
static bool begin(wish *w, sage_product_change change, size_t n, sage_response *response) {
    sage_error error;
    *w = (wish){.change = change, .products = sage_alloc_zero(n, sizeof *w->products), .n = n};
    sage_buf_init(&w->texts, (size_t)4 * SAGE_JSON_MAX_BYTES);
    sage_status st = w->products != NULL ? SAGE_OK : sage_fail_memory(&error, n * sizeof *w->products);
    if (st == SAGE_OK) st = sage_product_json_new(&w->json, &error);
    if (st != SAGE_OK) sage_problem_of(response, st, &error, NULL);
    return st == SAGE_OK;
}

/* ---- making it so ---- */

/* What is in service may have changed since the request came; inside of the gate it stays. */
static sage_status make_inside(const sage_turn *turn, const wish *w, uint64_t *release, sage_error *error) {
    sage_serve *serve = turn->serve;
    sage_changes_enter(serve->changes);
    sage_serving *serving = sage_releases_take(serve->releases);
    sage_status st = sage_changes_make(serve->changes, sage_serving_searcher(serving, turn->worker), w->change,
                                       w->products, w->n, error);
    *release = sage_serving_facts(serving)->release;
    sage_releases_give(serve->releases, serving);
    sage_changes_leave(serve->changes);
    return st;
}

static void make(const sage_turn *turn, const wish *w, sage_response *response) {
    sage_error error;
    sage_json_out out = {.buf = &response->body};
    if (!sage_changes_fit(turn->serve->changes, w->n)) {
        sage_changes_state state;
        sage_changes_read(turn->serve->changes, &state);
        sage_problem_answer(response, SAGE_PROBLEM_FULL, NULL,
                            "the release in service has taken %llu changes, and serve_changes is %llu; run 'itemsage "
                            "sync', or 'import inbox', 'embed' and 'index', for a new one",
                            (unsigned long long)state.waiting, (unsigned long long)state.most);
        return;
    }
    const sage_status st = make_inside(turn, w, &response->release, &error);
    if (st != SAGE_OK) {
        sage_problem_of(response, st, &error, NULL);
        return;
    }
    sage_out_open(&out, '{');
    sage_out_whole_at(&out, "release", (int64_t)response->release);
    sage_out_whole_at(&out, "changed", (int64_t)w->n);
    sage_out_close(&out, '}');
    sage_results_finish(&out, response);
}

/* ---- one product ---- */

static sage_str id_of(const sage_turn *turn, const sage_request *request) {
    const char *id = request->path + strcspn(turn->route->path, "{");
    return (sage_str){id, strlen(id)};
}

/* {"id": "..."} before what the body says, unless that names it. */
static sage_status write_text(wish *w, sage_str id, const json_t *root, sage_str body, sage_error *error) {
    sage_status st = SAGE_OK;
    if (json_object_get(root, "id") != NULL) return sage_buf_add(&w->texts, body.data, body.len, error);
    sage_json_out out = {.buf = &w->texts};
    sage_out_open(&out, '{');
    sage_out_key(&out, "id");
    sage_out_bytes(&out, id.data, id.len);
    SAGE_TRY(out.st);
    if (json_object_size(root) == 0) return sage_buf_byte(&w->texts, '}', error);
    SAGE_TRY(sage_buf_byte(&w->texts, ',', error));
    const char *inside = memchr(body.data, '{', body.len);
    st = sage_buf_add(&w->texts, inside + 1, body.len - (size_t)(inside + 1 - body.data), error);
out:
    return st;
}

/* Names something that an update can change. */
static bool says_anything(const sage_product_row *row) {
    return row->price_minor >= 0 || row->sale_price_minor >= 0 || row->availability.len > 0 ||
           row->item_group_id.len > 0 || row->attributes.len > 0;
}

/* The text is a product that has the path's id, as far as its own limits and those of the change go. */
static bool check_text(wish *w, sage_str id, sage_response *response) {
    sage_error error;
    const sage_product_row *row;
    const sage_str text = {w->texts.data, w->texts.len};
    sage_status st = sage_product_json_read(w->json, text.data, text.len, &row, &error);
    if (st == SAGE_OK && w->change == SAGE_PRODUCT_UPDATE) st = sage_product_check_update(row, &error);
    if (st != SAGE_OK) {
        sage_problem_of(response, st, &error, NULL);
    } else if (row->id.len != id.len || memcmp(row->id.data, id.data, id.len) != 0) {
        sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, "id", "the product's id is not the one of the path");
    } else if (w->change == SAGE_PRODUCT_UPDATE && !says_anything(row)) {
        sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, NULL,
                            "nothing is to be changed; name price, sale_price, availability, item_group_id or an "
                            "attribute");
    } else {
        w->products[0] = (sage_changed_product){id, text};
        return true;
    }
    return false;
}

static void change_one(const sage_turn *turn, const sage_request *request, json_t *root, sage_product_change change,
                       sage_response *response) {
    sage_error error;
    const sage_str id = id_of(turn, request);
    wish w;
    if (begin(&w, change, 1, response)) {
        const sage_status st = write_text(&w, id, root, request->body, &error);
        if (st != SAGE_OK)
            sage_problem_of(response, st, &error, NULL);
        else if (check_text(&w, id, response))
            make(turn, &w, response);
    }
    clear(&w);
}

static void change_by_body(const sage_turn *turn, const sage_request *request, sage_product_change change,
                           sage_response *response) {
    json_t *root = NULL;
    if (!sage_ask_body(request, &root, response)) return;
    if (json_is_object(root))
        change_one(turn, request, root, change, response);
    else
        sage_problem_answer(response, SAGE_PROBLEM_JSON, NULL, "a product is a JSON object");
    json_decref(root);
}

void sage_answer_product_put(const sage_turn *turn, const sage_request *request, sage_response *response) {
    change_by_body(turn, request, SAGE_PRODUCT_PUT, response);
}

void sage_answer_product_update(const sage_turn *turn, const sage_request *request, sage_response *response) {
    change_by_body(turn, request, SAGE_PRODUCT_UPDATE, response);
}

void sage_answer_product_delete(const sage_turn *turn, const sage_request *request, sage_response *response) {
    json_t *nothing = json_object();
    if (nothing != NULL)
        change_one(turn, request, nothing, SAGE_PRODUCT_DELETE, response);
    else
        sage_problem_answer(response, SAGE_PROBLEM_BUSY, NULL, "out of memory");
    json_decref(nothing);
}

/* ---- many ---- */

/* Of the list's texts, each checked; what it says of the id lies in `texts`, which does not grow any more. */
static bool check_list(wish *w, const sage_str *list, sage_response *response) {
    sage_error error;
    const sage_product_row *row;
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < w->n; i++) {
        st = sage_product_json_read(w->json, list[i].data, list[i].len, &row, &error);
        if (st == SAGE_OK) {
            w->products[i] = (sage_changed_product){{(const char *)(uintptr_t)w->texts.len, row->id.len}, list[i]};
            st = sage_buf_add(&w->texts, row->id.data, row->id.len, &error);
        }
        if (st == SAGE_OK) continue;
        sage_problem_answer(response, sage_problem_for(st), "products", "product %zu of 'products': %s", i + 1,
                            error.text);
        return false;
    }
    for (size_t i = 0; i < w->n; i++) w->products[i].id.data = w->texts.data + (uintptr_t)w->products[i].id.data;
    return true;
}

static void put_list(const sage_turn *turn, sage_str body, size_t n, sage_response *response) {
    wish w;
    sage_str *list = sage_alloc(n * sizeof *list);
    if (begin(&w, SAGE_PRODUCT_PUT, n, response)) {
        if (list == NULL)
            sage_problem_answer(response, SAGE_PROBLEM_BUSY, NULL, "out of memory");
        else if (sage_product_list_cut(body, list, n) != n)
            sage_problem_answer(response, SAGE_PROBLEM_JSON, NULL, "the body cannot be taken apart");
        else if (check_list(&w, list, response))
            make(turn, &w, response);
    }
    clear(&w);
    sage_free(list);
}

void sage_answer_products(const sage_turn *turn, const sage_request *request, sage_response *response) {
    json_t *root = NULL;
    if (!sage_ask_body(request, &root, response)) return;
    const size_t n = json_array_size(json_object_get(root, "products"));
    if (json_object_size(root) == 1 && n >= 1 && n <= SAGE_CHANGES_MAX)
        put_list(turn, request->body, n, response);
    else
        sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, "products",
                            "the body is an object with 'products', an array of 1 to %d products", SAGE_CHANGES_MAX);
    json_decref(root);
}
