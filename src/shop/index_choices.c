/* What a release says beside its files: weights of the hybrids, and how wide its graph is searched. */
#include <base/alloc.h>
#include <base/error.h>
#include <shop/index_choices.h>
#include <string.h>

/* Where nothing chooses it: what shops with validation queries mostly choose lies above one half (docs/results.md). */
static const double VECTORS_WEIGHT = 0.65;

/* The weights of the hybrids, and whether users are answered by theirs, chosen on validation queries and users; without
 * any, those of the release before, or constants. */
sage_status sage_choices_make(sage_shop *shop, const sage_dataset *dataset, sage_tune *tune, sage_release *release,
                              const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release before;
    sage_engine *engine = NULL;
    sage_judgement *judgements = NULL;
    size_t n = 0;
    release->fusion =
        (sage_fusion){.weight = VECTORS_WEIGHT, .depth = (size_t)sage_options_int(shop->options, "fusion_depth")};
    release->own = sage_own_default;
    bool again = sage_release_read(shop, &before, NULL) == SAGE_OK;
    if (again) {
        release->fusion.weight = before.fusion.weight;
        release->own = before.own;
        release->hybrid_users = before.hybrid_users;
    }
    if (dataset != NULL) SAGE_TRY(sage_judgements_of(dataset, SAGE_VALIDATION, SAGE_ON_SEARCH, &judgements, &n, error));
    SAGE_TRY(sage_release_engine(shop, release, true, &engine, error));
    if (n > 0) SAGE_TRY(sage_eval_choose_fusion(engine, judgements, n, monitor, &release->fusion, error));
    SAGE_TRY(sage_shop_tune(tune, shop, engine, judgements, n, monitor, release, error));
    if (dataset != NULL)
        SAGE_TRY(sage_eval_choose_own(engine, dataset, monitor, &release->own, &release->hybrid_users, error));
out:
    sage_free(judgements);
    sage_engine_close(engine);
    return st;
}

/* One product in so many may be another since the choice was made: that many small changes are a large one at last. */
enum { CHANGES_MAX = 10 };

/* Products that came, changed or went since the release before, a changed one once. */
static size_t changes_since(const sage_release *before, const sage_rows_job *rows) {
    const size_t kept = rows->rows - rows->fresh, left = before->products > kept ? before->products - kept : 0;
    return left > rows->fresh ? left : rows->fresh;
}

bool sage_choices_stand(const sage_release *before, const sage_release *release, const sage_rows_job *rows) {
    return before->settings != 0 && before->settings == release->settings &&
           (before->chosen_changes + changes_since(before, rows)) * CHANGES_MAX <= rows->rows;
}

void sage_choices_keep(const sage_release *before, const sage_rows_job *rows, sage_release *release) {
    release->fusion = before->fusion;
    release->own = before->own;
    release->hybrid_users = before->hybrid_users;
    release->search_width = before->search_width;
    release->search_recall = before->search_recall;
    release->tuned = before->tuned;
    release->chosen_changes = before->chosen_changes + changes_since(before, rows);
}
