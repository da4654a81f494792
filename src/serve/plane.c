#include <base/alloc.h>
#include <base/error.h>
#include <inttypes.h>
#include <io/version.h>
#include <pthread.h>
#include <serve/json_out.h>
#include <serve/plane.h>
#include <shop/report_parts.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Points and their titles; a title may be 500 bytes. */
enum { BODY_MAX_BYTES = 8 << 20 };

struct sage_plane {
    char shop_dir[SAGE_PATH_MAX];
    volatile sig_atomic_t stop; /* asks the thread to end */
    pthread_mutex_t lock;       /* of what follows */
    enum { IDLE, MAKES, MADE, FAILED } state;
    bool joinable;
    pthread_t thread;
    uint64_t release; /* that is being made, was made, or failed */
    sage_buf body;
    sage_error error;
};

sage_status sage_plane_new(const char *shop_dir, sage_plane **plane, sage_error *error) {
    sage_plane *p = *plane = sage_alloc_zero(1, sizeof *p);
    if (p == NULL) return sage_fail_memory(error, sizeof *p);
    snprintf(p->shop_dir, sizeof p->shop_dir, "%s", shop_dir);
    pthread_mutex_init(&p->lock, NULL);
    sage_buf_init(&p->body, BODY_MAX_BYTES);
    return SAGE_OK;
}

void sage_plane_free(sage_plane *plane) {
    if (plane == NULL) return;
    __atomic_store_n(&plane->stop, 1, __ATOMIC_RELAXED); /* as sage_cancelled reads it */
    if (plane->joinable) pthread_join(plane->thread, NULL);
    pthread_mutex_destroy(&plane->lock);
    sage_buf_free(&plane->body);
    sage_free(plane);
}

/* Points of no group of their own are of the last one. */
static void write_point(sage_json_out *out, const sage_product_map *map, const sage_map_point *point) {
    sage_out_open(out, '[');
    sage_out_float(out, (double)point->x);
    sage_out_float(out, (double)point->y);
    sage_out_whole(out, point->group < map->n_groups ? point->group : (int64_t)map->n_groups);
    sage_out_text(out, point->id);
    sage_out_text(out, point->title);
    sage_out_close(out, ']');
}

static void write_groups(sage_json_out *out, const sage_product_map *map) {
    sage_out_key(out, "groups");
    sage_out_open(out, '[');
    for (size_t g = 0; g < map->n_groups; g++) sage_out_text(out, map->groups[g]);
    if (map->others || map->n_groups == 0) sage_out_text(out, map->n_groups > 0 ? "all others" : "all products");
    sage_out_close(out, ']');
}

static sage_status write_map(const sage_product_map *map, uint64_t release, sage_buf *body) {
    sage_json_out out = {.buf = body};
    sage_out_open(&out, '{');
    sage_out_whole_at(&out, "release", (int64_t)release);
    sage_out_bool_at(&out, "ready", true);
    sage_out_text_at(&out, "by", map->by);
    sage_out_whole_at(&out, "of", (int64_t)map->of);
    write_groups(&out, map);
    sage_out_key(&out, "points");
    sage_out_open(&out, '[');
    for (size_t i = 0; i < map->n; i++) write_point(&out, map, &map->points[i]);
    sage_out_close(&out, ']');
    sage_out_close(&out, '}');
    return out.st;
}

/* Opened apart from the one in service, without looking through it again: a thread may take it after a swap. */
static sage_status make(const sage_plane *plane, sage_buf *body, sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    sage_index *index = NULL;
    sage_product_map map;
    const sage_monitor monitor = {.cancel = &plane->stop};
    int hold = -1;
    sage_arena *arena = sage_arena_new(1 << 16);
    if (arena == NULL) return sage_fail_memory(error, 1 << 16);
    SAGE_TRY(sage_path_join(parent, plane->shop_dir, "index", error));
    SAGE_TRY(sage_version_path(path, parent, plane->release, error));
    SAGE_TRY(sage_version_hold(parent, plane->release, &hold, error));
    SAGE_TRY(sage_index_open(path, false, &index, error));
    SAGE_TRY(sage_report_map_make(index, NULL, &monitor, arena, &map, error));
    st = write_map(&map, plane->release, body);
    if (st != SAGE_OK) st = sage_fail(error, st, "the map of release %" PRIu64 " is too large", plane->release);
out:
    sage_arena_free(arena);
    sage_index_close(index);
    sage_fs_unlock(hold);
    return st;
}

/* Nothing else writes the plane's release while this runs. */
static void *run(void *ctx) {
    sage_plane *plane = ctx;
    sage_buf body;
    sage_error error = {0};
    setpriority(PRIO_PROCESS, (id_t)gettid(), 19); /* searches come first */
    sage_buf_init(&body, BODY_MAX_BYTES);
    const sage_status st = make(plane, &body, &error);
    pthread_mutex_lock(&plane->lock);
    sage_buf_free(&plane->body);
    plane->body = body;
    plane->error = error;
    plane->state = st == SAGE_OK ? MADE : FAILED;
    pthread_mutex_unlock(&plane->lock);
    return NULL;
}

/* With the lock. */
static sage_status begin(sage_plane *plane, uint64_t release, sage_error *error) {
    if (plane->joinable) pthread_join(plane->thread, NULL); /* it has set the state, so it ends at once */
    plane->joinable = false;
    plane->release = release;
    const int fault = pthread_create(&plane->thread, NULL, run, plane);
    if (fault != 0) return sage_fail(error, SAGE_E_MEMORY, "no thread for the map");
    plane->joinable = true;
    plane->state = MAKES;
    return SAGE_OK;
}

static sage_status answer(sage_plane *plane, uint64_t release, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    const bool of_it = plane->release == release;
    if (plane->state == MADE && of_it) return sage_buf_add(out, plane->body.data, plane->body.len, error);
    if (plane->state == FAILED && of_it) {
        plane->state = IDLE;
        if (error != NULL) *error = plane->error;
        return plane->error.code;
    }
    if (plane->state != MAKES) SAGE_TRY(begin(plane, release, error));
    SAGE_TRY(sage_buf_printf(out, error, "{\"release\":%" PRIu64 ",\"ready\":false}", release));
out:
    return st;
}

sage_status sage_plane_answer(sage_plane *plane, uint64_t release, sage_buf *out, sage_error *error) {
    pthread_mutex_lock(&plane->lock);
    const sage_status st = answer(plane, release, out, error);
    pthread_mutex_unlock(&plane->lock);
    return st;
}
