/* Where memory is short at any moment of a request, it is answered as a whole: as ever, or by a problem. */
#include "serve_help.h"

static void answers_whatever_fails(void **state) {
    (void)state;
    static const struct {
        const char *path, *body;
        sage_verb verb;
    } requests[] = {
        {"/v1/search",
         "{\"text\": \"oak table\", \"method\": \"hybrid\", \"n\": 3, \"depth\": 9, \"at_most\": {\"brand\": 2}}",
         SAGE_POST},
        {"/v1/user", "{\"user_id\": \"simulated-1\", \"events\": [{\"product_id\": \"p3\"}], \"n\": 3}", SAGE_POST},
        {"/v1/embed", "{\"image\": \"AAAA\"}", SAGE_POST},
        {"/v1/batch", "{\"requests\": [{\"search\": {\"text\": \"oak\"}}, {\"embed\": {\"product_id\": \"p3\"}}]}",
         SAGE_POST},
        {"/v1/events", "{\"events\": [{\"user_id\": \"u\", \"product_id\": \"p3\", \"event\": \"click\"}]}", SAGE_POST},
        {"/v1/products/n1", "{\"title\": \"Oak lamp\", \"price\": \"3 EUR\"}", SAGE_PUT},
        {"/v1/products/p3", "{\"price\": \"3 EUR\"}", SAGE_PATCH},
        {"/v1/products", "{\"products\": [{\"id\": \"a\", \"title\": \"Oak\"}, {\"id\": \"b\"}]}", SAGE_POST},
        {"/v1/products/p4", "", SAGE_DELETE},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        const sage_request request = {.verb = requests[i].verb,
                                      .path = requests[i].path,
                                      .content_type = "application/json",
                                      .body = {requests[i].body, strlen(requests[i].body)}};
        bool failed = true;
        for (unsigned long at = 1; failed; at++) {
            sage_response response;
            json_t *json = NULL;
            sage_response_init(&response);
            sage_alloc_fail_from(at);
            sage_serve_answer(&serve, 1, &request, &response);
            failed = sage_alloc_fail_from(0) >= at;
            if (response.status != 200 && response.status != 503 && response.status != 409 &&
                !(requests[i].verb == SAGE_DELETE && response.status == 404)) /* it went at the last time */
                fail_msg("%s, allocation %lu: %d %s", requests[i].path, at, response.status, response.body.data);
            if (response.body.len > 0)
                tiny_must(sage_json_parse(response.body.data, response.body.len, "answer", &json, &error), &error,
                          requests[i].path);
            assert_true(response.body.len > 0 || response.status != 200); /* a problem may have no room for its text */
            json_decref(json);
            sage_response_free(&response);
            assert_true(at < 100000);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_whatever_fails)};
    return cmocka_run_group_tests(tests, serve_ground, serve_clear);
}
