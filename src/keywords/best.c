#include <keywords/best.h>

static bool worse(const sage_keyword_hit *a, const sage_keyword_hit *b) {
    return a->score != b->score ? a->score < b->score : a->pid > b->pid;
}

static void sift_down(sage_keyword_hit *heap, size_t n, size_t at) {
    sage_keyword_hit moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && worse(&heap[child + 1], &heap[child])) child++;
        if (!worse(&heap[child], &moved)) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void sift_up(sage_keyword_hit *heap, size_t at) {
    sage_keyword_hit moved = heap[at];
    for (size_t parent; at > 0; at = parent) {
        parent = (at - 1) / 2;
        if (!worse(&moved, &heap[parent])) break;
        heap[at] = heap[parent];
    }
    heap[at] = moved;
}

void sage_best_offer(sage_best *best, sage_keyword_hit hit) {
    if (best->n < best->k) {
        best->heap[best->n] = hit;
        sift_up(best->heap, best->n++);
    } else if (best->k > 0 && worse(&best->heap[0], &hit)) {
        best->heap[0] = hit;
        sift_down(best->heap, best->k, 0);
    }
}

/* The worst goes to the end, again and again. */
void sage_best_sort(sage_best *best) {
    for (size_t left = best->n; left > 1; left--) {
        sage_keyword_hit worst = best->heap[0];
        best->heap[0] = best->heap[left - 1];
        best->heap[left - 1] = worst;
        sift_down(best->heap, left - 1, 0);
    }
}
