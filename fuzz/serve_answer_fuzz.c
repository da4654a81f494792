/* Any request is answered with a whole response: a status that the API has, and JSON where it says JSON. The first byte
 * chooses method and content type, then come lines: the path, the arguments of the URI as name=value, an empty line,
 * and the body. */
#include "fuzz.h"
#include <io/json.h>
#include <serve/answer.h>
#include <string.h>
#include <support/published_shop.h>

static sage_serve serve;

static char dir[SAGE_PATH_MAX];

static void clear(void) {
    scratch_remove(dir);
}

static void open_once(void) {
    char path[SAGE_PATH_MAX];
    sage_error error = {0};
    if (serve.releases != NULL) return;
    scratch_make(dir);
    snprintf(path, sizeof path, "%s", scratch_path(dir, "shop"));
    sage_shop *shop = published_catalogue(dir, path);
    published_train(shop);
    published_embed(shop);
    published_index(shop);
    serve.metrics = sage_metrics_new();
    FUZZ_CHECK(serve.metrics != NULL);
    serve.shop = shop;
    tiny_must(sage_intake_new(path, &serve.intake, &error), &error, "take events");
    tiny_must(sage_plane_new(path, &serve.plane, &error), &error, "the map");
    tiny_must(sage_changes_new(shop, NULL, &serve.changes, &error), &error, "take changes");
    tiny_must(sage_releases_open(shop, 1, serve.changes, &serve.releases, &error), &error, "open the release");
    atexit(clear); /* users' events are read when they are asked for */
}

/* Cuts a line off `text`, in place. */
static char *line_of(char **text) {
    char *line = *text, *end = strchr(line, '\n');
    *text = end != NULL ? end + 1 : line + strlen(line);
    if (end != NULL) *end = '\0';
    return line;
}

static void ask(char *text, unsigned kind, const char *end) {
    static const sage_verb verbs[] = {SAGE_GET, SAGE_POST, SAGE_PUT, SAGE_DELETE};
    static const char *const types[] = {"application/json", NULL, "image/png", "multipart/form-data; boundary=x"};
    sage_arg args[SAGE_ARGS_MAX];
    sage_request request = {
        .verb = kind & 16 ? SAGE_PATCH : verbs[kind % 4], .content_type = types[kind / 4 % 4], .args = args};
    sage_response response;
    json_t *json = NULL;
    request.path = line_of(&text);
    while (*text && *text != '\n' && request.n_args < SAGE_ARGS_MAX) {
        char *name = line_of(&text), *value = strchr(name, '=');
        if (value != NULL) *value++ = '\0';
        args[request.n_args++] = (sage_arg){name, value != NULL ? value : ""};
    }
    if (*text == '\n') text++;
    request.body = (sage_str){text, (size_t)(end - text)};
    sage_response_init(&response);
    sage_serve_answer(&serve, 0, &request, &response);
    FUZZ_CHECK(response.status >= 200 && response.status < 600 && response.status != 500);
    if (response.type != NULL && strstr(response.type, "json") != NULL && response.fixed.data == NULL) {
        FUZZ_CHECK(sage_json_parse(response.body.data, response.body.len, "answer", &json, NULL) == SAGE_OK);
        if (response.status >= 400) FUZZ_CHECK(json_integer_value(json_object_get(json, "status")) == response.status);
    }
    json_decref(json);
    sage_response_free(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    open_once();
    if (size == 0) return 0;
    char *text = malloc(size);
    FUZZ_CHECK(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    ask(text, data[0], text + size - 1);
    free(text);
    return 0;
}
