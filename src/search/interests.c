#include <base/alloc.h>
#include <base/error.h>
#include <math.h>
#include <search/interests.h>
#include <search/ward.h>
#include <string.h>

/* The products that are looked at, the newest first. */
typedef struct looked {
    size_t n;
    uint32_t row[SAGE_WARD_MAX];
    double weight[SAGE_WARD_MAX]; /* of their events */
    uint16_t cluster[SAGE_WARD_MAX];
    sage_merge merges[SAGE_WARD_MAX];
    double *centre; /* [dim] */
    float *vectors; /* [n][dim] */
} looked;

void sage_interest_rules_read(const sage_options *options, sage_interest_rules *rules) {
    *rules = (sage_interest_rules){
        .events = (size_t)sage_options_int(options, "interest_events"),
        .interests = (size_t)sage_options_int_or(options, "interests", 20),
        .clusters = (size_t)sage_options_int(options, "interest_clusters"),
        .distance = sage_options_real(options, "interest_distance"),
        .days = sage_options_real(options, "interest_days"),
    };
}

double sage_interest_kind_weight(unsigned kind) {
    static const double weights[SAGE_EVENT_KINDS] = {
        [SAGE_CLICK] = 1, [SAGE_SAVE] = 1.3498588, [SAGE_ADD_TO_CART] = 1.8221188, [SAGE_CHECKOUT] = 2.7182818};
    return kind < SAGE_EVENT_KINDS ? weights[kind] : 1;
}

static size_t find(const looked *l, uint32_t row) {
    size_t i = 0;
    while (i < l->n && l->row[i] != row) i++;
    return i;
}

/* Ages are counted from the newest event: shares are the same, and however old all are, some weight is left. */
static void weigh(looked *l, const sage_known_event *events, size_t n, const sage_interest_rules *rules) {
    float newest = INFINITY, oldest = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(events[i].age)) continue;
        newest = fminf(newest, events[i].age);
        oldest = fmaxf(oldest, events[i].age);
    }
    if (isinf(newest)) newest = oldest;
    for (size_t i = n; i-- > 0;) {
        size_t at = find(l, events[i].row);
        if (at == l->n && l->n == rules->events) continue;
        if (at == l->n) {
            l->row[l->n] = events[i].row;
            l->weight[l->n++] = 0;
        }
        double age = (double)(isnan(events[i].age) ? oldest : events[i].age) - (double)newest;
        l->weight[at] += sage_interest_kind_weight(events[i].kind) * exp(-age / rules->days);
    }
}

/* The sum of squared distances to all is least where that to their centre is. Of a pair, both are as near to it, to
 * rounding: the newer one it is. */
static size_t medoid(looked *l, size_t cluster, size_t dim, size_t *members) {
    size_t best = l->n;
    double least = 0;
    *members = 0;
    memset(l->centre, 0, dim * sizeof *l->centre);
    for (size_t i = 0; i < l->n; i++) {
        if (l->cluster[i] != cluster) continue;
        for (size_t d = 0; d < dim; d++) l->centre[d] += (double)l->vectors[i * dim + d];
        ++*members;
    }
    for (size_t i = 0; i < l->n; i++) {
        double sum = 0;
        if (l->cluster[i] != cluster) continue;
        for (size_t d = 0; d < dim; d++) {
            double off = (double)l->vectors[i * dim + d] - l->centre[d] / (double)*members;
            sum += off * off;
        }
        if (best == l->n || sum < least * (1 - 1e-9)) {
            best = i;
            least = sum;
        }
    }
    return best;
}

static double importance(const looked *l, size_t cluster) {
    double sum = 0, all = 0;
    for (size_t i = 0; i < l->n; i++) {
        all += l->weight[i];
        if (l->cluster[i] == cluster) sum += l->weight[i];
    }
    return sum / all;
}

/* Clusters come with the newest product first, and equal ones keep that order. */
static void keep(sage_interest next, size_t most, sage_interest *out, size_t *n) {
    size_t at = *n;
    if (at == most && out[at - 1].importance >= next.importance) return;
    if (at == most)
        at--;
    else
        ++*n;
    for (; at > 0 && out[at - 1].importance < next.importance; at--) out[at] = out[at - 1];
    out[at] = next;
}

sage_status sage_interests_find(const sage_index *index, const sage_known_event *events, size_t n,
                                const sage_interest_rules *rules, sage_interest out[SAGE_INTERESTS_MAX],
                                size_t *n_interests, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t dim = sage_index_dim(index);
    looked *l = sage_alloc_zero(1, sizeof *l);
    *n_interests = 0;
    if (l == NULL) return sage_fail_memory(error, sizeof *l);
    weigh(l, events, n, rules);
    l->centre = sage_alloc(dim * sizeof *l->centre);
    l->vectors = sage_alloc(l->n * dim * sizeof *l->vectors);
    if (l->centre == NULL || l->vectors == NULL) SAGE_TRY(sage_fail_memory(error, l->n * dim * sizeof *l->vectors));
    for (size_t i = 0; i < l->n; i++)
        memcpy(l->vectors + i * dim, sage_index_vectors(index) + l->row[i] * dim, dim * sizeof *l->vectors);
    SAGE_TRY(sage_ward_tree(l->vectors, l->n, dim, l->merges, error));
    size_t clusters = sage_ward_cut(l->merges, l->n, rules->distance, rules->clusters, l->cluster);
    for (size_t c = 0; c < clusters; c++) {
        sage_interest next = {.importance = importance(l, c)};
        next.row = l->row[medoid(l, c, dim, &next.products)];
        keep(next, rules->interests, out, n_interests);
    }
out:
    if (l != NULL) {
        sage_free(l->vectors);
        sage_free(l->centre);
    }
    sage_free(l);
    return st;
}
