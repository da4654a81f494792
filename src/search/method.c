#include <base/error.h>
#include <base/option_table.h>
#include <search/search.h>
#include <string.h>

static const char *const names[SAGE_METHODS] = {"vectors", "keywords", "hybrid"};

const char *sage_method_name(sage_method method) {
    return (unsigned)method < SAGE_METHODS ? names[method] : "unknown";
}

sage_status sage_method_parse(const char *name, sage_method *method, sage_error *error) {
    for (size_t i = 0; i < SAGE_METHODS; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *method = (sage_method)i;
        return SAGE_OK;
    }
    return sage_fail(error, SAGE_E_ARGUMENT, "unknown method '%s'; use vectors, keywords or hybrid", name);
}

const sage_option sage_search_options[] = {
    {"search", "fusion_depth", SAGE_OPT_INT, 100, 10000, NULL, "500",
     "Candidates that the hybrid takes from vectors and from keywords each."},
    {NULL, NULL, SAGE_OPT_INT, 0, 0, NULL, NULL, NULL},
};
