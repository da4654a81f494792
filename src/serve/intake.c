#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_time.h>
#include <errno.h>
#include <inttypes.h>
#include <io/json.h>
#include <serve/intake.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

struct sage_intake {
    char dir[SAGE_PATH_MAX];
    _Atomic(sage_inbox *) inbox; /* NULL: `why` */
    sage_error why;
    uint64_t known; /* the last entry that was remembered from the disk */
    sage_recent *recent;
    uint64_t drawn; /* no two servers name events alike, whatever their clocks say */
    atomic_ullong named;
};

/* An event of before, as it was written then. */
static sage_status remember(void *ctx, const sage_inbox_entry *entry, sage_error *error) {
    sage_intake *intake = ctx;
    json_t *root = NULL;
    int64_t time_ms = 0;
    if (entry->kind != SAGE_INBOX_EVENT) return SAGE_OK;
    sage_status st = sage_json_parse(entry->text.data, entry->text.len, "inbox", &root, error);
    if (st != SAGE_OK) return st;
    const char *user = json_string_value(json_object_get(root, "user_id"));
    const char *product = json_string_value(json_object_get(root, "product_id"));
    const char *event = json_string_value(json_object_get(root, "event"));
    const char *time = json_string_value(json_object_get(root, "timestamp"));
    if (time != NULL) sage_time_parse((sage_str){time, strlen(time)}, &time_ms);
    if (user != NULL && product != NULL && event != NULL)
        sage_recent_add(intake->recent, entry->number, user, product, event, (double)time_ms / 1000);
    json_decref(root);
    return SAGE_OK;
}

sage_status sage_intake_new(const char *shop_dir, sage_intake **intake, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_inbox_gaps gaps;
    sage_inbox *inbox = NULL;
    *intake = NULL;
    sage_intake *in = sage_alloc_zero(1, sizeof *in);
    if (in == NULL) return sage_fail_memory(error, sizeof *in);
    in->recent = sage_recent_new();
    if (in->recent == NULL) SAGE_TRY(sage_fail_memory(error, SAGE_RECENT_EVENTS));
    snprintf(in->dir, sizeof in->dir, "%s", shop_dir);
    if (getrandom(&in->drawn, sizeof in->drawn, 0) != sizeof in->drawn)
        SAGE_TRY(sage_fail(error, SAGE_E_IO, "no random number can be drawn to name events with: %s", strerror(errno)));
    st = sage_inbox_open(sage_inbox_events(shop_dir), 0, &inbox, &in->why);
    in->inbox = inbox;
    if (st == SAGE_E_MEMORY) SAGE_TRY(sage_fail(error, st, "%s", in->why.text));
    /* What came before is known also where nothing more can be taken, as on a disk that went read-only. */
    SAGE_TRY(sage_inbox_folded(sage_inbox_events(shop_dir), &in->known, error));
    SAGE_TRY(sage_inbox_read(sage_inbox_events(shop_dir), in->known, remember, in, &in->known, &gaps, error));
    *intake = in;
    in = NULL;
out:
    sage_intake_free(in);
    return st;
}

void sage_intake_free(sage_intake *intake) {
    if (intake == NULL) return;
    sage_inbox_close(intake->inbox);
    sage_recent_free(intake->recent);
    sage_free(intake);
}

/* Another server took events, and has ended, or an import let go: what came meanwhile is remembered first. */
static void take_over(sage_intake *in, uint64_t folded) {
    const sage_inbox_of of = sage_inbox_events(in->dir);
    sage_inbox *inbox;
    sage_inbox_gaps gaps;
    if (sage_inbox_open(of, 0, &inbox, NULL) != SAGE_OK) return;
    if (folded > in->known) in->known = folded;
    if (sage_inbox_read(of, in->known, remember, in, &in->known, &gaps, NULL) == SAGE_OK)
        in->inbox = inbox;
    else
        sage_inbox_close(inbox);
}

void sage_intake_turn(sage_intake *intake) {
    uint64_t folded;
    if (sage_inbox_folded(sage_inbox_events(intake->dir), &folded, NULL) == SAGE_OK) {
        sage_recent_drop(intake->recent, folded);
        if (intake->inbox == NULL) take_over(intake, folded);
    }
    if (intake->inbox != NULL) sage_inbox_tidy(intake->inbox);
}

sage_recent *sage_intake_recent(sage_intake *intake) {
    return intake->recent;
}

sage_status sage_intake_add(sage_intake *intake, sage_inbox_entry *entries, size_t n, sage_error *error) {
    if (intake->inbox == NULL)
        return sage_fail(error, SAGE_E_STATE, "this server takes no events: %s", intake->why.text);
    return sage_inbox_add(intake->inbox, entries, n, error);
}

void sage_intake_name(sage_intake *intake, char name[64]) {
    snprintf(name, 64, "serve-%016" PRIx64 "-%llu", intake->drawn, (unsigned long long)intake->named++);
}
