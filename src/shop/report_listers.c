#include <base/error.h>
#include <shop/report_listers.h>

sage_status sage_more_open(sage_more *more, sage_shop *shop, const sage_release *release, const sage_index *index,
                           const sage_dataset *dataset, const sage_judgement *judgements, size_t n,
                           const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pool *pool = NULL;
    sage_model_config config;
    SAGE_TRY(sage_shop_pool(shop, &pool, error));
    SAGE_TRY(sage_model_config_read(shop, release->query_model, &config, error));
    if (dataset != NULL) SAGE_TRY(sage_co_click_new(dataset, index, pool, &more->co_click, error));
    SAGE_TRY(sage_spoken_open(shop, &config, index, judgements, n, monitor, &more->spoken, error));
    SAGE_TRY(sage_before_open(shop, release, monitor, &more->before, &more->before_fault, error));
    if (more->co_click != NULL) more->list[more->n++] = sage_co_click_lister(more->co_click);
    if (more->spoken != NULL) more->list[more->n++] = sage_spoken_lister(more->spoken);
    if (more->before != NULL) more->list[more->n++] = sage_before_lister(more->before);
out:
    return st;
}

void sage_more_close(sage_more *more) {
    sage_before_close(more->before);
    sage_spoken_close(more->spoken);
    sage_co_click_free(more->co_click);
    *more = (sage_more){.n = 0};
}
