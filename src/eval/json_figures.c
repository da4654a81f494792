#include <eval/json_figures.h>
#include <stdio.h>

static json_t *figure(const sage_interval *i, sage_json_form form) {
    switch (form) {
    case SAGE_JSON_VALUE: return json_real(i->value);
    case SAGE_JSON_BOUNDS: return json_pack("[ff]", i->low, i->high);
    case SAGE_JSON_TRIPLE: return json_pack("[fff]", i->value, i->low, i->high);
    case SAGE_JSON_INTERVAL: return json_pack("{sf sf sf}", "value", i->value, "low", i->low, "high", i->high);
    }
    return NULL;
}

json_t *sage_json_figures(const size_t *k, size_t n_k, const sage_interval *intervals, sage_json_form form) {
    json_t *object = json_object();
    int failed = object == NULL;
    for (size_t i = 0; i < n_k && failed == 0; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", k[i]);
        failed = json_object_set_new(object, key, figure(&intervals[i], form));
    }
    return sage_json_or_free(object, failed);
}
