/* Reading what embed has written: live vectors in the order of their product ids. */
#include "vector_set.h"
#include <base/alloc.h>
#include <base/error.h>
#include <embed/embed.h>
#include <io/version.h>

struct sage_vectors {
    sage_vector_set set; /* its entries: the live ones alone */
};

static void drop_dead(sage_vector_set *set) {
    size_t kept = 0;
    for (size_t i = 0; i < set->n; i++)
        if (!sage_vector_set_is_dead(set, &set->entries[i])) set->entries[kept++] = set->entries[i];
    set->n = kept;
}

sage_status sage_vectors_open(const char *shop_dir, uint64_t model, sage_vectors **vectors, sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    sage_vectors *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    SAGE_TRY(sage_path_join(parent, shop_dir, "vectors", error));
    SAGE_TRY(sage_version_path(dir, parent, model, error));
    SAGE_TRY(sage_vector_set_open(dir, true, &made->set, error));
    if (made->set.manifest.dim == 0)
        SAGE_TRY(sage_fail_at(error, SAGE_E_STATE, dir, 0, 0,
                              "no vectors of this model have been computed; run 'itemsage embed'"));
    drop_dead(&made->set);
    *vectors = made;
    made = NULL;
out:
    sage_vectors_close(made);
    return st;
}

sage_status sage_vectors_state(const char *shop_dir, uint64_t model, uint64_t *state, sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    sage_manifest manifest = {.n = 0};
    SAGE_TRY(sage_path_join(parent, shop_dir, "vectors", error));
    SAGE_TRY(sage_version_path(dir, parent, model, error));
    SAGE_TRY(sage_manifest_read(dir, &manifest, error));
    *state = manifest.next;
out:
    sage_manifest_free(&manifest);
    return st;
}

void sage_vectors_close(sage_vectors *vectors) {
    if (vectors == NULL) return;
    sage_vector_set_close(&vectors->set);
    sage_free(vectors);
}

size_t sage_vectors_count(const sage_vectors *vectors) {
    return vectors->set.n;
}

size_t sage_vectors_dim(const sage_vectors *vectors) {
    return vectors->set.manifest.dim;
}

int64_t sage_vectors_pid(const sage_vectors *vectors, size_t index) {
    return vectors->set.entries[index].pid;
}

const float *sage_vectors_at(const sage_vectors *vectors, size_t index) {
    const sage_entry *entry = &vectors->set.entries[index];
    const sage_segment *segment = sage_entry_segment(&vectors->set, entry);
    return segment->vectors + (size_t)entry->row * segment->dim;
}

bool sage_vectors_find(const sage_vectors *vectors, int64_t pid, size_t *index) {
    size_t low = 0, high = vectors->set.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (vectors->set.entries[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return low < vectors->set.n && vectors->set.entries[low].pid == pid;
}
