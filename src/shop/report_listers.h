/* Further methods for search texts, which a report sets beside the release's own: co-occurrence, the frozen sentences
 * of an encoder of texts, and the release before. */
#ifndef SAGE_SHOP_REPORT_LISTERS_H
#define SAGE_SHOP_REPORT_LISTERS_H

#include <eval/co_click.h>
#include <eval/eval.h>
#include <shop/sentences.h>

enum { SAGE_MORE_LISTERS = 3 };

/* ---- the release before ---- */
/* Its hybrid. *before is NULL where there was none, and where it cannot be asked any more: then *fault says why, as the
 * monitor is told. */
typedef struct sage_before sage_before;
sage_status sage_before_open(sage_shop *shop, const sage_release *now, const sage_monitor *monitor,
                             sage_before **before, sage_error *fault, sage_error *error);
void sage_before_close(sage_before *before);
const sage_release *sage_before_release(const sage_before *before);
sage_text_lister sage_before_lister(sage_before *before);

/* ---- frozen sentences ---- */
/* Cosines of the vectors that the encoder gives a search text and the products' titles, without any training. The
 * encoder is the model's, else that of the option text_encoder. *spoken is NULL where there is neither, and, which the
 * monitor is told, where it cannot be opened or the
 * titles' vectors would take more than SAGE_SPOKEN_MAX_BYTES of memory, which the monitor is told. What the shop has
 * of them is read; what is computed is not kept. The judgements must stay: they say which texts will be asked, in which
 * order. */
typedef struct sage_spoken sage_spoken;
#define SAGE_SPOKEN_MAX_BYTES ((size_t)1 << 30)
sage_status sage_spoken_open(sage_shop *shop, const sage_model_config *config, const sage_index *index,
                             const sage_judgement *judgements, size_t n, const sage_monitor *monitor,
                             sage_spoken **spoken, sage_error *error);
void sage_spoken_close(sage_spoken *spoken);
sage_text_lister sage_spoken_lister(sage_spoken *spoken);

/* ---- all of them ---- */
/* Zero-initialise; close whatever open returned. */
typedef struct sage_more {
    sage_co_click *co_click;
    sage_spoken *spoken;
    sage_before *before;
    sage_error before_fault; /* SAGE_OK: it is there, or there was none */
    sage_text_lister list[SAGE_MORE_LISTERS];
    size_t n;
} sage_more;
/* dataset: NULL where there is none to count from. */
sage_status sage_more_open(sage_more *more, sage_shop *shop, const sage_release *release, const sage_index *index,
                           const sage_dataset *dataset, const sage_judgement *judgements, size_t n,
                           const sage_monitor *monitor, sage_error *error);
void sage_more_close(sage_more *more);

#endif
