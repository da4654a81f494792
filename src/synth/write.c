/* Writes simulated searches as an event file. */
#include <base/error.h>
#include <base/report.h>
#include <io/fs.h>
#include <stdio.h>
#include <string.h>
#include <synth/synth.h>
#include <time.h>

enum {
    FLUSH_BYTES = 1 << 20,
    SESSIONS_A_PRODUCT = 10,
    SESSIONS_MIN = 2000,
    SESSIONS_MAX = 500000,
    STREAM_WHO = 5,
    POSITION_POWER_MAX = 10
};

/* Sessions are a minute apart from here on: the file depends on seed and catalogue alone, not on today's date. */
#define FIRST_SECOND 1767225600 /* 2026-01-01T00:00:00Z */

typedef struct output {
    sage_buf text;
    char path[SAGE_PATH_MAX];
    int fd;
    uint64_t seed, line;
    sage_synth_report *report;
} output;

static sage_status flush(output *out, sage_error *error) {
    sage_status st = sage_fs_write(out->fd, out->path, out->text.data, out->text.len, error);
    sage_buf_clear(&out->text);
    return st;
}

static sage_status event(output *out, uint64_t session, uint64_t user, const char *query, const char *id,
                         const char *kind, size_t position, sage_error *error) {
    sage_status st = SAGE_OK;
    char when[32];
    time_t second = (time_t)(FIRST_SECOND + session * 60);
    struct tm tm;
    gmtime_r(&second, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    SAGE_TRY(sage_buf_printf(&out->text, error, "simulated-%llu-%llu\t%s\tsimulated-%llu\tsearch\t%s\t%s\t%s\t%zu\n",
                             (unsigned long long)out->seed, (unsigned long long)++out->line, when,
                             (unsigned long long)user, query, id, kind, position));
    out->report->events++;
out:
    return st;
}

static sage_status events_of(output *out, const sage_synth_world *world, uint64_t number, uint64_t user,
                             const sage_synth_session *s, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_synth_report *r = out->report;
    for (size_t i = 0; i < s->n_shown; i++) {
        const struct {
            bool done;
            const char *kind;
            uint64_t *count;
        } acts[] = {{s->clicked[i], "click", &r->clicks},
                    {s->saved[i], "save", &r->saves},
                    {s->carted[i], "add_to_cart", &r->carts},
                    {s->bought[i], "checkout", &r->checkouts}};
        for (size_t a = 0; a < sizeof acts / sizeof *acts; a++) {
            if (!acts[a].done) continue;
            ++*acts[a].count;
            SAGE_TRY(event(out, number, user, s->query, sage_synth_id(world, s->shown[i]), acts[a].kind, i + 1, error));
        }
    }
out:
    return st;
}

static uint64_t sessions_for(const sage_synth_options *options, size_t products) {
    if (options->sessions) return options->sessions;
    uint64_t n = (uint64_t)products * SESSIONS_A_PRODUCT;
    return n < SESSIONS_MIN ? SESSIONS_MIN : n > SESSIONS_MAX ? SESSIONS_MAX : n;
}

static sage_status simulate(output *out, sage_synth_world *world, const sage_synth_options *options,
                            const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_synth_session session;
    sage_ticker ticker;
    uint64_t sessions = sessions_for(options, sage_synth_products(world));
    uint64_t users = options->users ? options->users : (sessions + 4) / 5;
    sage_rng who;
    sage_rng_seed(&who, options->seed, STREAM_WHO);
    sage_ticker_begin(&ticker, monitor, "simulate", sessions);
    SAGE_TRY(sage_buf_text(&out->text, "event_id\ttimestamp\tuser_id\tsurface\tquery\tproduct_id\tevent\tposition\n",
                           error));
    for (uint64_t number = 0; number < sessions; number++) {
        uint64_t user = sage_rng_below(&who, users);
        sage_synth_search(world, user, number, &session);
        SAGE_TRY(events_of(out, world, number, user, &session, error));
        if (out->text.len > FLUSH_BYTES) SAGE_TRY(flush(out, error));
        sage_ticker_tick(&ticker, number + 1, NULL);
        if (number % 256 == 0) SAGE_TRY(sage_check_cancel(monitor, "simulate", error));
    }
    out->report->sessions = sessions;
    SAGE_TRY(flush(out, error));
    sage_ticker_end(&ticker, sessions);
out:
    return st;
}

/* Written beside its name and renamed, so that a file of that name is always whole. */
sage_status sage_synth_write(sage_catalog *catalog, const sage_synth_options *options, const char *out_file,
                             const sage_monitor *monitor, sage_synth_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_synth_world *world = NULL;
    output out = {.fd = -1, .seed = options->seed, .report = report};
    memset(report, 0, sizeof *report);
    sage_buf_init(&out.text, SIZE_MAX);
    if (!(options->position_power >= 0 && options->position_power <= POSITION_POWER_MAX))
        return sage_fail(error, SAGE_E_ARGUMENT, "the power of positions must be above 0 and at most %d, not %g",
                         POSITION_POWER_MAX, options->position_power);
    if ((size_t)snprintf(out.path, sizeof out.path, "%s.tmp", out_file) >= sizeof out.path)
        return sage_fail(error, SAGE_E_LIMIT, "the path %.80s... is too long", out_file);
    if ((st = sage_fs_check_plain(out_file, error)) != SAGE_OK) return st;
    SAGE_TRY(sage_synth_world_new(catalog, options->seed, &world, error));
    sage_synth_look_down(world, options->position_power);
    SAGE_TRY(sage_fs_create(out.path, false, &out.fd, error));
    SAGE_TRY(simulate(&out, world, options, monitor, error));
    SAGE_TRY(sage_fs_sync(out.fd, out.path, error));
    st = sage_fs_close(out.fd, out.path, error);
    out.fd = -1;
    SAGE_TRY(st);
    SAGE_TRY(sage_fs_commit(out.path, out_file, error));
out:
    if (out.fd >= 0) sage_fs_close(out.fd, out.path, NULL);
    if (st != SAGE_OK) sage_fs_unlink(out.path, NULL);
    sage_synth_world_free(world);
    sage_buf_free(&out.text);
    return st;
}
