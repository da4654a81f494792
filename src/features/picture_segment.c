#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <features/picture_segment.h>
#include <string.h>

enum { ROWS_MAX = 4096, BYTES_MAX = 16 << 20, FILES_MAX = 16384, SECONDS_MAX = 60 };

static size_t choose_rows(size_t dim, size_t wanted) {
    size_t rows = wanted != 0 ? wanted : ROWS_MAX;
    if (rows > BYTES_MAX / sizeof(float) / dim) rows = BYTES_MAX / sizeof(float) / dim;
    return rows > SAGE_PICTURE_BATCH ? rows : SAGE_PICTURE_BATCH;
}

sage_status sage_picture_segment_init(sage_picture_segment *segment, sage_picture_store *store, size_t dim,
                                      size_t max_rows, sage_error *error) {
    size_t rows = choose_rows(dim, max_rows), slots = 1;
    while (slots < 2 * rows) slots *= 2;
    *segment = (sage_picture_segment){.store = store, .dim = dim, .max_rows = rows, .n_slots = slots};
    segment->vectors = sage_alloc(rows * dim * sizeof *segment->vectors);
    segment->contents = sage_alloc(rows * sizeof *segment->contents);
    segment->slots = sage_alloc_zero(slots, sizeof *segment->slots);
    if (segment->vectors == NULL || segment->contents == NULL || segment->slots == NULL)
        return sage_fail_memory(error, rows * (dim * sizeof *segment->vectors + 24));
    return SAGE_OK;
}

static void clear(sage_picture_segment *segment) {
    for (size_t i = 0; i < segment->n_files; i++) {
        sage_free(segment->files[i].path);
        sage_free(segment->files[i].fault);
        sage_free(segment->files[i].detail);
    }
    segment->rows = segment->n_files = 0;
    if (segment->slots != NULL) memset(segment->slots, 0, segment->n_slots * sizeof *segment->slots);
}

void sage_picture_segment_free(sage_picture_segment *segment) {
    clear(segment);
    sage_free(segment->vectors);
    sage_free(segment->contents);
    sage_free(segment->slots);
    sage_free(segment->files);
    *segment = (sage_picture_segment){0};
}

/* Where the content stands, or would. */
static uint32_t *find(const sage_picture_segment *segment, const unsigned char content[16]) {
    uint64_t at;
    memcpy(&at, content, sizeof at);
    for (;; at++) {
        uint32_t *slot = &segment->slots[at & (segment->n_slots - 1)];
        if (*slot == 0 || memcmp(segment->contents[*slot - 1], content, 16) == 0) return slot;
    }
}

bool sage_picture_segment_has(const sage_picture_segment *segment, const unsigned char content[16]) {
    return *find(segment, content) != 0;
}

static void note_begin(sage_picture_segment *segment) {
    if (segment->n_files + segment->rows == 0) segment->began_s = sage_now_s();
}

void sage_picture_segment_add(sage_picture_segment *segment, const unsigned char content[16], const float *vector) {
    uint32_t *slot = find(segment, content);
    if (*slot != 0) return;
    note_begin(segment);
    memcpy(segment->contents[segment->rows], content, 16);
    memcpy(segment->vectors + segment->rows * segment->dim, vector, segment->dim * sizeof *vector);
    *slot = (uint32_t)++segment->rows;
}

sage_status sage_picture_segment_file(sage_picture_segment *segment, const sage_picture_task *task,
                                      const unsigned char content[16], const char *fault, const char *detail,
                                      sage_error *error) {
    if (sage_grow((void **)&segment->files, &segment->files_capacity, segment->n_files + 1, sizeof *segment->files) !=
        0)
        return sage_fail_memory(error, (segment->n_files + 1) * sizeof *segment->files);
    note_begin(segment);
    sage_picture_found *file = &segment->files[segment->n_files++];
    *file = (sage_picture_found){.path = sage_strdup(task->path), .size = task->size, .mtime_ns = task->mtime_ns};
    memcpy(file->content, content, sizeof file->content);
    if (fault != NULL) {
        file->fault = sage_strdup(fault);
        file->detail = sage_strdup(detail);
    }
    if (file->path == NULL || (fault != NULL && (file->fault == NULL || file->detail == NULL)))
        return sage_fail_memory(error, strlen(task->path));
    return SAGE_OK;
}

bool sage_picture_segment_full(const sage_picture_segment *segment) {
    return segment->rows + SAGE_PICTURE_BATCH > segment->max_rows || segment->n_files >= FILES_MAX ||
           (segment->n_files + segment->rows > 0 && sage_now_s() - segment->began_s > SECONDS_MAX);
}

sage_status sage_picture_segment_commit(sage_picture_segment *segment, sage_error *error) {
    if (segment->n_files + segment->rows == 0) return SAGE_OK;
    sage_status st = sage_picture_store_commit(segment->store, segment->vectors, segment->contents, segment->rows,
                                               segment->files, segment->n_files, error);
    if (st == SAGE_OK) clear(segment);
    return st;
}
