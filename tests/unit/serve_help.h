/* A published shop, and what answers over it, without sockets. */
#ifndef SAGE_TESTS_SERVE_HELP_H
#define SAGE_TESTS_SERVE_HELP_H

#include <io/json.h>
#include <serve/answer.h>
#include <support/published_shop.h>
#include <support/test.h>

static char dir[SAGE_PATH_MAX], shop_dir[SAGE_PATH_MAX];
static sage_shop *shop;
static sage_serve serve;
static sage_error error;

static inline int serve_ground(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    shop = published_catalogue(dir, shop_dir);
    published_train(shop);
    published_embed(shop);
    published_index(shop);
    serve.metrics = sage_metrics_new();
    assert_non_null(serve.metrics);
    serve.shop = shop;
    tiny_must(sage_intake_new(shop_dir, &serve.intake, &error), &error, "take events");
    tiny_must(sage_plane_new(shop_dir, &serve.plane, &error), &error, "the map");
    tiny_must(sage_changes_new(shop, NULL, &serve.changes, &error), &error, "take changes");
    tiny_must(sage_releases_open(shop, 2, serve.changes, &serve.releases, &error), &error, "open the release");
    return 0;
}

static inline int serve_clear(void **state) {
    (void)state;
    sage_plane_free(serve.plane);
    sage_releases_close(serve.releases);
    sage_changes_free(serve.changes);
    sage_intake_free(serve.intake);
    sage_metrics_free(serve.metrics);
    sage_shop_close(shop);
    scratch_remove(dir);
    return 0;
}

/* The answer to a request; *json where it is JSON, else NULL. */
static inline int ask_as(const sage_request *request, sage_response *response, json_t **json) {
    sage_response_init(response);
    sage_serve_answer(&serve, 1, request, response);
    *json = NULL;
    if (response->body.len > 0 && strstr(response->type, "json") != NULL)
        tiny_must(sage_json_parse(response->body.data, response->body.len, "answer", json, &error), &error, "answer");
    return response->status;
}

/* The status of POST `path` with a body of JSON; *json is the answer. */
static inline int ask_post(const char *path, const char *body, json_t **json) {
    sage_response response;
    const sage_request request = {
        .verb = SAGE_POST, .path = path, .content_type = "application/json", .body = {body, strlen(body)}};
    const int status = ask_as(&request, &response, json);
    sage_response_free(&response);
    return status;
}

static inline const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

#endif
