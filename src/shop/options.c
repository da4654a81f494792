/* The rooms' tables of options, joined once. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/option_table.h>
#include <dataset/dataset.h>
#include <dataset/sampler.h>
#include <embed/embed.h>
#include <index/options.h>
#include <model/model.h>
#include <pthread.h>
#include <search/search.h>
#include <shop/shop.h>
#include <train/train.h>

const sage_option sage_shop_options_table[] = {
    {"shop", "threads", SAGE_OPT_INT, 1, 1024, NULL, "auto",
     "Worker threads; auto is as many as there are cores that the process may use."},
    {"shop", "picture_encoder", SAGE_OPT_TEXT, 0, 0, NULL, "auto",
     "What computes the vectors of pictures: builtin (colours, edges and texture; weak, needs no weights), the name of "
     "an encoder of the shop, a folder of weights (with a slash), or none; up to three with commas between work "
     "together. auto goes on with the last, is none where vectors were imported, and else builtin."},
    {"shop", "text_encoder", SAGE_OPT_TEXT, 0, 0, NULL, "none",
     "What reads titles and search texts as sentences, beside their n-grams: the name of an encoder of the shop, a "
     "folder of weights (with a slash), or none. Of a training; what comes after it uses the same."},
    {"shop", "keep_releases", SAGE_OPT_INT, 2, 100, NULL, "3",
     "Releases that are kept, the one in force among them: `rollback` publishes another one of them again."},
    {"shop", "sync_vanish", SAGE_OPT_REAL, 0, 1, NULL, "0.2",
     "`sync` refuses a feed that lacks more than this share of the products that there are."},
    {"shop", "sync_rejects", SAGE_OPT_REAL, 0, 1, NULL, "0.2",
     "`sync` refuses a feed of whose rows more than this share are bad."},
    {NULL},
};

enum { OPTIONS_MAX = 256 };
static sage_option joined[OPTIONS_MAX];
static size_t joined_n;

static void join_tables(void) {
    const sage_option *const rooms[] = {sage_shop_options_table, sage_dataset_options, sage_sampler_options,
                                        sage_model_options,      sage_train_options,   sage_embed_options,
                                        sage_index_options,      sage_search_options,  sage_serve_options};
    for (size_t r = 0; r < sizeof rooms / sizeof *rooms; r++)
        for (const sage_option *row = rooms[r]; row->key && joined_n < OPTIONS_MAX; row++) joined[joined_n++] = *row;
}

const sage_option *sage_option_table(size_t *n_options) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, join_tables);
    *n_options = joined_n;
    return joined;
}

sage_status sage_options_new(sage_options **options, sage_error *error) {
    size_t n;
    const sage_option *table = sage_option_table(&n);
    return sage_options_over(table, n, options, error);
}
