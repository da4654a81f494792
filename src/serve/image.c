/* /v1/image: a picture as the body, parameters in the URI; or both in a form. */
#include <base/alloc.h>
#include <serve/multipart.h>
#include <serve/picture.h>
#include <serve/problem.h>
#include <serve/results.h>
#include <strings.h>

typedef struct form {
    sage_str picture;
    sage_arg args[SAGE_ARGS_MAX]; /* the URI's, then the form's */
    size_t n, n_own;
    char *own[SAGE_FORM_PARTS_MAX]; /* [n_own] texts of the form's */
    sage_form_part parts[SAGE_FORM_PARTS_MAX];
} form;

/* False: it is no text, or there are too many. */
static bool add_field(form *f, const sage_form_part *part) {
    if (f->n == SAGE_ARGS_MAX || memchr(part->content.data, 0, part->content.len) != NULL) return false;
    char *text = sage_strndup(part->content.data, part->content.len);
    if (text == NULL) return false;
    f->own[f->n_own++] = text;
    f->args[f->n++] = (sage_arg){part->name, text};
    return true;
}

static bool read_form(form *f, const sage_request *request, sage_response *response) {
    size_t n;
    if (!sage_multipart_read(request->content_type, request->body, f->parts, &n)) {
        sage_problem_answer(response, SAGE_PROBLEM_JSON, NULL, "the body is no form of at most %d fields",
                            SAGE_FORM_PARTS_MAX);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(f->parts[i].name, "image") == 0) {
            f->picture = f->parts[i].content;
        } else if (!add_field(f, &f->parts[i])) {
            sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, f->parts[i].name, "a field of the form is no text");
            return false;
        }
    }
    return true;
}

static bool read_picture(form *f, const sage_request *request, sage_response *response) {
    const char *type = request->content_type != NULL ? request->content_type : "";
    for (; f->n < request->n_args; f->n++) f->args[f->n] = request->args[f->n];
    if (sage_is_multipart(type)) {
        if (!read_form(f, request, response)) return false;
    } else if (strncasecmp(type, "image/", 6) == 0 || strncasecmp(type, "application/octet-stream", 24) == 0) {
        f->picture = request->body;
    } else {
        sage_problem_answer(response, SAGE_PROBLEM_CONTENT_TYPE, NULL,
                            "a picture comes as image/jpeg, image/png or image/webp, or as field 'image' of "
                            "multipart/form-data");
        return false;
    }
    if (f->picture.len > 0) return true;
    sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, "image", "there is no picture");
    return false;
}

static bool hold(form *f, sage_held_picture *picture, sage_response *response) {
    sage_error error;
    const sage_status st = sage_picture_hold(picture, f->picture, &error);
    if (st != SAGE_OK) sage_problem_of(response, st, &error, NULL);
    return st == SAGE_OK;
}

static bool ask_args(form *f, const sage_turn *turn, sage_ask *ask, sage_response *response) {
    json_t *root;
    const sage_request all = {.args = f->args, .n_args = f->n};
    return sage_ask_args(&all, &root, response) && sage_ask_read(ask, root, turn->route->params, response);
}

void sage_answer_image(const sage_turn *turn, const sage_request *request, sage_response *response) {
    sage_ask ask = {.root = NULL};
    sage_held_picture picture = {.held = false};
    sage_json_out out = {.buf = &response->body};
    form *f = sage_alloc_zero(1, sizeof *f);
    if (f == NULL) {
        sage_problem_answer(response, SAGE_PROBLEM_BUSY, NULL, "out of memory");
        return;
    }
    if (read_picture(f, request, response) && ask_args(f, turn, &ask, response) && hold(f, &picture, response)) {
        ask.query.image = picture.path;
        if (sage_results_write(turn, &ask, &out, response)) sage_results_finish(&out, response);
    }
    sage_ask_free(&ask);
    sage_picture_let_go(&picture);
    for (size_t i = 0; i < f->n_own; i++) sage_free(f->own[i]);
    sage_free(f);
}
