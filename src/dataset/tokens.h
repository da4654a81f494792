/* Which products have a token of their own (model.h): a learned vector that says what no text does, where enough was
 * done with the product. */
#ifndef SAGE_DATASET_TOKENS_H
#define SAGE_DATASET_TOKENS_H

#include <dataset/dataset.h>

typedef struct sage_tokens {
    size_t n;
    uint32_t *of;  /* [products] the token's number, or UINT32_MAX */
    int64_t *pids; /* [n] ascending: of the products that have one */
} sage_tokens;

/* As options product_token and token_events say. The same for a dataset and its options. */
sage_status sage_dataset_tokens(const sage_dataset *dataset, const sage_options *options, sage_tokens *tokens,
                                sage_error *error);
void sage_tokens_free(sage_tokens *tokens);

#endif
