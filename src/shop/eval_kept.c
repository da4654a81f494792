#include <base/error.h>
#include <base/report.h>
#include <io/fs.h>
#include <io/json.h>
#include <shop/eval_kept.h>
#include <shop/shop.h>
#include <stdio.h>

enum { MAX_BYTES = 16 << 20 }; /* hundreds of rows of some 2 KiB */

static sage_status path_of(const sage_shop *shop, uint64_t model, char path[SAGE_PATH_MAX], sage_error *error) {
    char name[64];
    snprintf(name, sizeof name, "models/%llu/eval.json", (unsigned long long)model);
    return sage_path_join(path, shop->dir, name, error);
}

void sage_eval_keep(const sage_shop *shop, uint64_t model, const sage_eval_report *report,
                    const sage_monitor *monitor) {
    char path[SAGE_PATH_MAX];
    sage_error error;
    if (path_of(shop, model, path, &error) != SAGE_OK || sage_eval_write_json(report, path, &error) != SAGE_OK)
        sage_warn(monitor, "these figures are not kept for the server's page: %s", error.text);
}

sage_status sage_eval_kept_read(const sage_shop *shop, uint64_t model, json_t **root, sage_error *error) {
    char path[SAGE_PATH_MAX];
    sage_status st = path_of(shop, model, path, error);
    *root = NULL;
    if (st == SAGE_OK && sage_fs_exists(path)) st = sage_json_read(path, MAX_BYTES, root, error);
    return st;
}
