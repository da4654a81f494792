/* What requests are answered, and what is said of those that are wrong. */
#include "serve_help.h"

static void finds(void **state) {
    (void)state;
    static const char *const good[][2] = {
        {"/v1/search", "{\"text\": \"oak table\", \"method\": \"hybrid\", \"n\": 5, \"explain\": true}"},
        {"/v1/search",
         "{\"text\": \"oak table\", \"n\": 5, \"where\": \"price < 1000 EUR\", \"at_most\": {\"brand\": 2}}"},
        {"/v1/similar", "{\"product_id\": \"p3\", \"n\": 5, \"collapse\": true, \"diversity\": 0.5}"},
        {"/v1/user", "{\"user_id\": \"simulated-1\", \"n\": 5, \"interests\": true}"},
        {"/v1/user", "{\"events\": [{\"product_id\": \"p3\", \"event\": \"save\", \"age_days\": 1.5}], \"n\": 5, "
                     "\"fresh\": true}"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        json_t *json;
        size_t at;
        json_t *hit;
        assert_int_equal(ask_post(good[i][0], good[i][1], &json), 200);
        assert_int_equal(json_integer_value(json_object_get(json, "release")), 1);
        json_t *results = json_object_get(json, "results");
        assert_int_equal(json_array_size(results), 5);
        json_array_foreach(results, at, hit) {
            assert_int_equal(json_integer_value(json_object_get(hit, "rank")), at + 1);
            assert_true(*text_of(hit, "id") && *text_of(hit, "title"));
            assert_true(json_is_real(json_object_get(hit, "score")));
            assert_int_equal(json_object_get(hit, "parts") != NULL, i == 0);
            assert_int_equal(json_object_get(hit, "interest") != NULL, i >= 3);
        }
        json_decref(json);
    }
}

/* A URI says the same as a body. */
static void uri_is_body(void **state) {
    (void)state;
    static const sage_arg args[] = {
        {"text", "oak table"}, {"n", "7"}, {"exact", "true"}, {"diversity", "0.25"}, {"at_most", "brand=2,domain=5"}};
    const sage_request request = {.verb = SAGE_GET, .path = "/v1/search", .args = args, .n_args = 5};
    sage_response response;
    json_t *by_uri, *by_body;
    assert_int_equal(ask_as(&request, &response, &by_uri), 200);
    sage_response_free(&response);
    assert_int_equal(ask_post("/v1/search",
                              "{\"text\": \"oak table\", \"n\": 7, \"exact\": true, \"diversity\": 0.25, "
                              "\"at_most\": {\"brand\": 2, \"domain\": 5}}",
                              &by_body),
                     200);
    assert_true(json_equal(by_uri, by_body));
    json_decref(by_uri);
    json_decref(by_body);
}

static void refuses(void **state) {
    (void)state;
    static const struct {
        const char *path, *body;
        int status;
        const char *type, *field;
    } bad[] = {
        {"/v1/search", "{", 400, "body", ""},
        {"/v1/search", "", 400, "body", ""},
        {"/v1/search", "[]", 400, "body", ""},
        {"/v1/search", "{\"text\": \"a\\u0000b\"}", 400, "body", ""},
        {"/v1/search", "{\"text\": \"\xff\"}", 400, "body", ""},
        {"/v1/search", "{\"text\": \"a\", \"text\": \"b\"}", 400, "body", ""},
        {"/v1/search", "[[[[[[[[[[]]]]]]]]]]", 400, "body", ""},
        {"/v1/search", "{\"text\": \"[[[[[[[[[[\"}", 200, "", ""}, /* brackets in a text nest nothing */
        {"/v1/search", "{}", 400, "parameter", "text"},
        {"/v1/search", "{\"text\": 3}", 400, "parameter", "text"},
        {"/v1/search", "{\"text\": \"\"}", 400, "parameter", "text"},
        {"/v1/search", "{\"text\": \"a\", \"n\": 0}", 400, "parameter", "n"},
        {"/v1/search", "{\"text\": \"a\", \"n\": 1001}", 400, "parameter", "n"},
        {"/v1/search", "{\"text\": \"a\", \"n\": 2.5}", 400, "parameter", "n"},
        {"/v1/search", "{\"text\": \"a\", \"diversity\": 1.5}", 400, "parameter", "diversity"},
        {"/v1/search", "{\"text\": \"a\", \"exact\": 1}", 400, "parameter", "exact"},
        {"/v1/search", "{\"text\": \"a\", \"method\": \"magic\"}", 400, "parameter", "method"},
        {"/v1/search", "{\"text\": \"a\", \"where\": \"price <\"}", 400, "parameter", "where"},
        {"/v1/search", "{\"text\": \"a\", \"where\": \"nowhere = 1\"}", 400, "parameter", "where"},
        {"/v1/search", "{\"text\": \"a\", \"at_most\": {\"brand\": 0}}", 400, "parameter", "at_most"},
        {"/v1/search", "{\"text\": \"a\", \"at_most\": {\"nowhere\": 1}}", 400, "parameter", "at_most"},
        {"/v1/search", "{\"text\": \"a\", \"colour\": \"red\"}", 400, "parameter", "colour"},
        {"/v1/search", "{\"text\": \"a\", \"product_id\": \"p3\"}", 400, "parameter", "product_id"},
        {"/v1/similar", "{\"product_id\": \"nowhere\"}", 404, "not-found", ""},
        {"/v1/user", "{\"user_id\": \"nobody\"}", 404, "not-found", ""},
        {"/v1/user", "{}", 400, "parameter", "user_id"},
        {"/v1/user", "{\"user_id\": \"u\", \"method\": \"keywords\"}", 400, "parameter", "method"},
        {"/v1/user", "{\"events\": []}", 400, "parameter", "events"},
        {"/v1/user", "{\"events\": [3]}", 400, "parameter", "events"},
        {"/v1/user", "{\"events\": [{\"event\": \"click\"}]}", 400, "parameter", "events"},
        {"/v1/user", "{\"events\": [{\"product_id\": \"p1\", \"age_days\": -1}]}", 400, "parameter", "events"},
        {"/v1/user", "{\"events\": [{\"product_id\": \"p3\"}], \"method\": \"hybrid\"}", 409, "unavailable", ""},
        {"/v1/nowhere", "{}", 404, "no-route", ""},
        {"/healthz", "{}", 405, "method", ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char type[64] = "";
        json_t *json;
        const int status = ask_post(bad[i].path, bad[i].body, &json);
        if (status != bad[i].status) fail_msg("%s %s: %d", bad[i].path, bad[i].body, status);
        if (*bad[i].type) snprintf(type, sizeof type, "urn:itemsage:%s", bad[i].type);
        assert_string_equal(text_of(json, "type"), type);
        if (strcmp(text_of(json, "field"), bad[i].field) != 0)
            fail_msg("%s %s: field '%s'", bad[i].path, bad[i].body, text_of(json, "field"));
        if (status != 200) {
            assert_int_equal(json_integer_value(json_object_get(json, "status")), status);
            assert_true(*text_of(json, "title") && *text_of(json, "detail"));
        }
        json_decref(json);
    }
}

static void refuses_uris(void **state) {
    (void)state;
    static const struct {
        sage_arg args[3];
        size_t n;
        const char *field;
    } bad[] = {
        {{{"n", "3"}}, 1, "text"},
        {{{"text", "a"}, {"text", "b"}}, 2, "text"},
        {{{"text", "a"}, {"n", "three"}}, 2, "n"},
        {{{"text", "a"}, {"n", ""}}, 2, "n"},
        {{{"text", "a"}, {"n", "99999999999999999999"}}, 2, "n"},
        {{{"text", "a"}, {"exact", "yes"}}, 2, "exact"},
        {{{"text", "a"}, {"diversity", "nan"}}, 2, "diversity"},
        {{{"text", "a"}, {"at_most", "brand"}}, 2, "at_most"},
        {{{"text", "a"}, {"at_most", "brand=1,brand=2"}}, 2, "at_most"},
        {{{"text", "a"}, {"events", "p1"}}, 2, "events"},
        {{{"text", "\xff"}}, 1, "text"},
        {{{"text", "a"}, {"q", "b"}}, 2, "q"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const sage_request request = {.verb = SAGE_GET, .path = "/v1/search", .args = bad[i].args, .n_args = bad[i].n};
        sage_response response;
        json_t *json;
        assert_int_equal(ask_as(&request, &response, &json), 400);
        assert_string_equal(response.type, "application/problem+json");
        if (strcmp(text_of(json, "field"), bad[i].field) != 0)
            fail_msg("case %zu: field '%s', %s", i, text_of(json, "field"), text_of(json, "detail"));
        json_decref(json);
        sage_response_free(&response);
    }
}

static void wants_json(void **state) {
    (void)state;
    static const char *const types[] = {NULL, "text/plain", "application/jsonx", "application/json; charset=utf-8"};
    for (size_t i = 0; i < 4; i++) {
        const sage_request request = {
            .verb = SAGE_POST, .path = "/v1/search", .content_type = types[i], .body = SAGE_STR("{\"text\": \"oak\"}")};
        sage_response response;
        json_t *json;
        assert_int_equal(ask_as(&request, &response, &json), i == 3 ? 200 : 415);
        json_decref(json);
        sage_response_free(&response);
    }
}

static void is_ready(void **state) {
    (void)state;
    sage_response response;
    json_t *json;
    const sage_request health = {.verb = SAGE_GET, .path = "/healthz"}, ready = {.verb = SAGE_GET, .path = "/readyz"};
    assert_int_equal(ask_as(&health, &response, &json), 200);
    assert_string_equal(response.fixed.data, "ok\n");
    assert_int_equal(ask_as(&ready, &response, &json), 200);
    serve.drains = true;
    assert_int_equal(ask_as(&ready, &response, &json), 503);
    serve.drains = false;
    assert_string_equal(response.headers[0].name, "Retry-After");
    json_decref(json);
    sage_response_free(&response);
}

static void knows_methods(void **state) {
    (void)state;
    sage_response response;
    json_t *json;
    const sage_request put = {.verb = SAGE_PUT, .path = "/v1/search"};
    assert_int_equal(ask_as(&put, &response, &json), 405);
    assert_string_equal(response.headers[0].name, "Allow");
    assert_string_equal(response.headers[0].value, "GET, HEAD, POST");
    json_decref(json);
    sage_response_free(&response);
}

/* One answer for each question, each as it would be alone. */
static void answers_batches(void **state) {
    (void)state;
    static const char *const alone[][2] = {{"/v1/search", "{\"text\": \"oak table\", \"n\": 3, \"depth\": 9}"},
                                           {"/v1/user", "{\"events\": [{\"product_id\": \"p3\"}]}"},
                                           {"/v1/similar", "{\"product_id\": \"nowhere\"}"},
                                           {"/v1/embed", "{\"product_id\": \"p3\"}"}};
    json_t *json, *one;
    assert_int_equal(ask_post("/v1/batch",
                              "{\"requests\": [{\"search\": {\"text\": \"oak table\", \"n\": 3, \"depth\": 9}}, "
                              "{\"user\": {\"events\": [{\"product_id\": \"p3\"}]}}, "
                              "{\"similar\": {\"product_id\": \"nowhere\"}}, {\"embed\": {\"product_id\": \"p3\"}}, "
                              "{\"status\": {}}, 3, {\"image\": {\"image\": \"????\"}}]}",
                              &json),
                     200);
    const json_t *answers = json_object_get(json, "answers");
    assert_int_equal(json_array_size(answers), 7);
    for (size_t i = 0; i < 7; i++) {
        const json_t *answer = json_array_get(answers, i);
        const int status = (int)json_integer_value(json_object_get(answer, "status"));
        if (i >= 4) {
            assert_int_equal(status, 400);
            continue;
        }
        assert_int_equal(status, ask_post(alone[i][0], alone[i][1], &one));
        assert_true(json_equal(json_object_get(answer, "body"), one));
        json_decref(one);
    }
    json_decref(json);
    assert_int_equal(ask_post("/v1/batch", "{\"requests\": []}", &json), 400);
    assert_string_equal(text_of(json, "field"), "requests");
    json_decref(json);
}

/* What is told of a vector finds what a search finds. */
static void tells_vectors(void **state) {
    (void)state;
    static const char *const bodies[] = {"{\"product_id\": \"p3\"}", "{\"text\": \"oak table\"}"};
    for (size_t i = 0; i < 2; i++) {
        json_t *json, *number;
        double square = 0;
        size_t at;
        assert_int_equal(ask_post("/v1/embed", bodies[i], &json), 200);
        json_array_foreach(json_object_get(json, "vector"), at, number) {
            square += json_real_value(number) * json_real_value(number);
        }
        assert_true(square > 0.999 && square < 1.001);
        json_decref(json);
    }
    static const struct {
        const char *body;
        int status;
    } bad[] = {{"{}", 400},
               {"{\"text\": \"oak\", \"product_id\": \"p3\"}", 400},
               {"{\"product_id\": \"nowhere\"}", 404},
               {"{\"text\": \"\u4e00\u4e01\"}", 404},
               {"{\"image\": \"AAAA\"}", 409},
               {"{\"image\": \"A\"}", 400}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *json;
        assert_int_equal(ask_post("/v1/embed", bad[i].body, &json), bad[i].status);
        json_decref(json);
    }
}

/* All pages together are what one search finds. */
static void pages(void **state) {
    (void)state;
    char body[256];
    char next[128] = "";
    json_t *whole, *json;
    size_t at = 0;
    assert_int_equal(ask_post("/v1/search", "{\"text\": \"oak table\", \"n\": 20, \"diversity\": 0.5}", &whole), 200);
    do {
        snprintf(body, sizeof body, "{\"text\": \"oak table\", \"n\": 7, \"depth\": 20, \"diversity\": 0.5%s%s%s}",
                 *next ? ", \"page\": \"" : "", next, *next ? "\"" : "");
        assert_int_equal(ask_post("/v1/search", body, &json), 200);
        const json_t *results = json_object_get(json, "results");
        for (size_t i = 0; i < json_array_size(results); i++, at++)
            assert_true(json_equal(json_array_get(results, i), json_array_get(json_object_get(whole, "results"), at)));
        snprintf(next, sizeof next, "%s", text_of(json, "next"));
        json_decref(json);
    } while (*next);
    assert_int_equal(at, 20);
    json_decref(whole);
    static const char *const bad[] = {"1-7-0", "x", "1-7-0123456789abcdef", "1-7-0123456789abcdefx",
                                      "-1-7-0123456789abcdef"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(body, sizeof body, "{\"text\": \"oak\", \"depth\": 20, \"page\": \"%s\"}", bad[i]);
        assert_int_equal(ask_post("/v1/search", body, &json), 400);
        assert_string_equal(text_of(json, "field"), "page");
        json_decref(json);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),         cmocka_unit_test(uri_is_body),     cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_uris),  cmocka_unit_test(wants_json),      cmocka_unit_test(is_ready),
        cmocka_unit_test(knows_methods), cmocka_unit_test(answers_batches), cmocka_unit_test(tells_vectors),
        cmocka_unit_test(pages),
    };
    return cmocka_run_group_tests(tests, serve_ground, serve_clear);
}
