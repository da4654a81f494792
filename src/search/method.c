#include <base/error.h>
#include <base/option_table.h>
#include <search/search.h>
#include <search/ward.h>
#include <string.h>

static const char *const names[SAGE_METHODS + 1] = {"vectors", "keywords", "hybrid", "auto"};

const char *sage_method_name(sage_method method) {
    return (unsigned)method <= SAGE_METHODS ? names[method] : "unknown";
}

sage_status sage_method_parse(const char *name, sage_method *method, sage_error *error) {
    for (size_t i = 0; i <= SAGE_METHODS; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *method = (sage_method)i;
        return SAGE_OK;
    }
    return sage_fail(error, SAGE_E_ARGUMENT, "unknown method '%s'; use vectors, keywords, hybrid or auto", name);
}

const sage_option sage_search_options[] = {
    {"search", "fusion_depth", SAGE_OPT_INT, 100, 10000, NULL, "500",
     "Candidates that the hybrid takes from vectors and from keywords each, or fewer where these decide already; for a "
     "user from the tower."},
    {"search", "interests", SAGE_OPT_INT, 1, SAGE_INTERESTS_MAX, NULL, "auto",
     "A user is asked for by the medoids of so many interests, the most important ones; auto is 20."},
    {"search", "interest_events", SAGE_OPT_INT, 1, SAGE_WARD_MAX, NULL, "200",
     "Of what a user did, so many distinct products, the newest, are clustered into interests."},
    {"search", "interest_clusters", SAGE_OPT_INT, 1, SAGE_WARD_MAX, NULL, "40",
     "A user's products fall into so many clusters at most, however far apart they are."},
    {"search", "interest_distance", SAGE_OPT_REAL, 0, 100, NULL, "1",
     "Clusters of a user's products are merged up to this distance (Ward's, of vectors of length 1)."},
    {"search", "interest_days", SAGE_OPT_REAL, 0.01, 1e6, NULL, "100",
     "What a user did so many days ago makes an interest 1/e as important as what was done just now."},
    {NULL, NULL, SAGE_OPT_INT, 0, 0, NULL, NULL, NULL},
};
