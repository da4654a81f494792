/* Datasets of an ablation that no later call can open any more. A call opens the newest that is packed as it asks and
 * asks something, of whatever revision of the catalogue, and beside it others of that one's revision (ablate_data.h):
 * so of each way of packing the newest stays, and with it the newest of every other way at its revision. What has
 * results or a training that was broken off, and can still be told or gone on with, is among those. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/meta.h>
#include <io/version.h>
#include <shop/ablate_data.h>
#include <string.h>

typedef struct packed {
    uint64_t id;
    int64_t revision;
    char *kind; /* NULL: it cannot be read or asks nothing, and takes no other one's place */
    bool newest, stays;
} packed;

typedef struct all {
    packed *list; /* [n] ascending */
    size_t n;
} all;

/* One that cannot be opened is found out when it is wanted. */
static bool asks_nothing(const char *folder, uint64_t id) {
    sage_dataset *dataset = NULL;
    bool nothing = sage_dataset_open(folder, id, false, &dataset, NULL) == SAGE_OK && !sage_ablate_data_asks(dataset);
    sage_dataset_close(dataset);
    return nothing;
}

static sage_status read_all(all *a, const char *folder, const char *parent, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t *ids = NULL;
    char dir[SAGE_PATH_MAX];
    size_t n = 0;
    SAGE_TRY(sage_version_list(parent, &ids, &n, error));
    if ((a->list = sage_alloc_zero(n, sizeof *a->list)) == NULL) SAGE_TRY(sage_fail_memory(error, n * sizeof *a->list));
    for (; a->n < n; a->n++) {
        packed *p = &a->list[a->n];
        p->id = ids[a->n];
        SAGE_TRY(sage_version_path(dir, parent, p->id, error));
        st = sage_meta_kind(dir, &p->kind, &p->revision, error);
        if (st != SAGE_E_FORMAT && st != SAGE_E_NOT_FOUND) SAGE_TRY(st);
        st = SAGE_OK;
        if (p->kind == NULL || !asks_nothing(folder, p->id)) continue;
        sage_free(p->kind);
        p->kind = NULL;
    }
out:
    sage_free(ids);
    return st;
}

static bool same_kind(const packed *a, const packed *b) {
    return a->kind != NULL && b->kind != NULL && strcmp(a->kind, b->kind) == 0;
}

/* Of its kind; `revision`: of its kind and revision. */
static bool is_newest(const all *a, size_t at, bool revision) {
    for (size_t i = at + 1; i < a->n; i++)
        if (same_kind(&a->list[i], &a->list[at]) && (!revision || a->list[i].revision == a->list[at].revision))
            return false;
    return a->list[at].kind != NULL;
}

static void choose(all *a) {
    for (size_t i = 0; i < a->n; i++) a->list[i].newest = is_newest(a, i, false);
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < a->n && is_newest(a, i, true); j++)
            a->list[i].stays = a->list[i].stays || (a->list[j].newest && a->list[j].revision == a->list[i].revision);
}

sage_status sage_ablate_data_prune(const char *folder, sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX];
    uint64_t *stay = NULL;
    size_t n = 0;
    all a = {.n = 0};
    SAGE_TRY(sage_path_join(parent, folder, "dataset", error));
    SAGE_TRY(read_all(&a, folder, parent, error));
    choose(&a);
    if ((stay = sage_alloc_zero(a.n, sizeof *stay)) == NULL) SAGE_TRY(sage_fail_memory(error, a.n * sizeof *stay));
    for (size_t i = 0; i < a.n; i++)
        if (a.list[i].stays) stay[n++] = a.list[i].id;
    SAGE_TRY(sage_version_prune(parent, 1, stay, n, error));
out:
    for (size_t i = 0; i < a.n; i++) sage_free(a.list[i].kind);
    sage_free(a.list);
    sage_free(stay);
    return st;
}
