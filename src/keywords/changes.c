/* Lists in the order in which they were made; each knows which product's words were taken out when the next one was.
 * The oldest ones go when nobody holds them, and these words with them: lists that are older still hold none. */
#include <base/alloc.h>
#include <base/error.h>
#include <keywords/changed_words.h>
#include <pthread.h>
#include <string.h>

struct sage_words_changed {
    size_t holders;
    struct sage_words_changed *next;     /* the one that was made after it */
    const sage_changed_words *taken_out; /* that the next one has no more; NULL: none */
    size_t n;
    sage_words_change list[];
};

struct sage_words_changes {
    sage_cutter *cutter;              /* the writer's */
    pthread_mutex_t lock;             /* of all that follows, for a moment */
    sage_words_changed *oldest, *now; /* NULL: nothing was changed */
};

sage_status sage_words_changes_new(sage_words_changes **changes, sage_error *error) {
    sage_status st = SAGE_OK;
    *changes = NULL;
    sage_words_changes *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    pthread_mutex_init(&made->lock, NULL);
    SAGE_TRY(sage_cutter_new(&made->cutter, error));
    *changes = made;
    made = NULL;
out:
    sage_words_changes_free(made);
    return st;
}

static void free_words(const sage_changed_words *words) {
    sage_free((void *)(uintptr_t)words);
}

static void free_oldest(sage_words_changes *changes) {
    while (changes->oldest != changes->now && changes->oldest->holders == 0) {
        sage_words_changed *gone = changes->oldest;
        changes->oldest = gone->next;
        free_words(gone->taken_out);
        sage_free(gone);
    }
}

void sage_words_changes_free(sage_words_changes *changes) {
    if (changes == NULL) return;
    if (changes->oldest != NULL) free_oldest(changes);
    for (size_t i = 0; changes->now != NULL && i < changes->now->n; i++) free_words(changes->now->list[i].words);
    sage_free(changes->now);
    sage_cutter_free(changes->cutter);
    pthread_mutex_destroy(&changes->lock);
    sage_free(changes);
}

/* ---- readers ---- */

const sage_words_changed *sage_words_changes_hold(sage_words_changes *changes) {
    pthread_mutex_lock(&changes->lock);
    sage_words_changed *now = changes->now;
    if (now != NULL) now->holders++;
    pthread_mutex_unlock(&changes->lock);
    return now;
}

void sage_words_changes_release(sage_words_changes *changes, const sage_words_changed *changed) {
    if (changed == NULL) return;
    pthread_mutex_lock(&changes->lock);
    ((sage_words_changed *)(uintptr_t)changed)->holders--;
    free_oldest(changes);
    pthread_mutex_unlock(&changes->lock);
}

/* Where the product stands in the list, or would. */
static size_t place_of(const sage_words_changed *changed, int64_t pid) {
    size_t low = 0, high = changed != NULL ? changed->n : 0;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (changed->list[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const sage_words_change *sage_words_changed_list(const sage_words_changed *changed, size_t *n) {
    *n = changed != NULL ? changed->n : 0;
    return changed != NULL ? changed->list : NULL;
}

const sage_words_change *sage_words_changed_find(const sage_words_changed *changed, int64_t pid) {
    const size_t at = place_of(changed, pid);
    return changed != NULL && at < changed->n && changed->list[at].pid == pid ? &changed->list[at] : NULL;
}

size_t sage_words_changes_count(sage_words_changes *changes) {
    pthread_mutex_lock(&changes->lock);
    const size_t n = changes->now != NULL ? changes->now->n : 0;
    pthread_mutex_unlock(&changes->lock);
    return n;
}

/* ---- the writer ---- */

static void publish(sage_words_changes *changes, sage_words_changed *made, const sage_changed_words *taken_out) {
    pthread_mutex_lock(&changes->lock);
    if (changes->now != NULL) {
        changes->now->next = made;
        changes->now->taken_out = taken_out;
    }
    changes->now = made;
    if (changes->oldest == NULL) changes->oldest = made;
    free_oldest(changes);
    pthread_mutex_unlock(&changes->lock);
}

/* The list of now with another entry for a product; NULL: with none. */
static sage_status change(sage_words_changes *changes, int64_t pid, const sage_words_change *entry, sage_error *error) {
    const sage_words_changed *now = changes->now; /* which only the writer replaces */
    const size_t n = now != NULL ? now->n : 0, at = place_of(now, pid),
                 known = sage_words_changed_find(now, pid) != NULL, has = entry != NULL;
    sage_words_changed *made = sage_alloc(sizeof *made + (n + 1) * sizeof *made->list);
    if (made == NULL) return sage_fail_memory(error, sizeof *made + (n + 1) * sizeof *made->list);
    *made = (sage_words_changed){.n = n - known + has};
    if (at > 0) memcpy(made->list, now->list, at * sizeof *made->list);
    if (has) made->list[at] = *entry;
    if (at + known < n) memcpy(made->list + at + has, now->list + at + known, (n - at - known) * sizeof *made->list);
    publish(changes, made, known ? now->list[at].words : NULL);
    return SAGE_OK;
}

sage_status sage_words_changes_put(sage_words_changes *changes, int64_t pid, const sage_str *texts, size_t n_texts,
                                   sage_error *error) {
    sage_changed_words *words;
    sage_status st = sage_changed_words_make(changes->cutter, texts, n_texts, &words, error);
    if (st != SAGE_OK) return st;
    st = change(changes, pid, &(sage_words_change){pid, words}, error);
    if (st != SAGE_OK) sage_free(words);
    return st;
}

sage_status sage_words_changes_drop(sage_words_changes *changes, int64_t pid, bool in_file, sage_error *error) {
    const sage_words_change gone = {pid, NULL};
    return change(changes, pid, in_file ? &gone : NULL, error);
}
