/* The encoder of texts that an option or a model names, as what makes sentences. */
#ifndef SAGE_SHOP_SENTENCES_H
#define SAGE_SHOP_SENTENCES_H

#include <features/sentences.h>
#include <shop/shop.h>

/* `name`: one of the shop's encoders, or, where it has a slash, a folder. *sentences stays NULL for "none". keep: what
 * is computed stays in the shop. SAGE_E_NOT_FOUND, SAGE_E_ARGUMENT: the shop has none of that name, or it is one of
 * pictures; the error says what to give. */
sage_status sage_shop_sentences(sage_shop *shop, const char *name, bool keep, sage_sentences **sentences,
                                sage_error *error);
/* Those that the model was trained with; NULL where it takes none. SAGE_E_STATE where that encoder is gone, or another
 * has its name. */
sage_status sage_shop_model_sentences(sage_shop *shop, const sage_model_config *config, bool keep,
                                      sage_sentences **sentences, sage_error *error);

#endif
