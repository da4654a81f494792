/* How products' own tokens begin: as item-kNN, as the text begins as tf-idf. Products that the same people dealt with
 * start out near each other, so that a shop without texts need not learn from random vectors.
 *
 *   A = D_p^-1/2 X D_u^-1/2     X [tokens][users]: 1 where the training part has an event; D: sums of its rows, columns
 *   A A' = cosines of item-kNN, each user divided among its products;  A ~ U diag(s) V'
 *   row of a token = its row of U diag(s)^1/2, of length 1
 *
 * (A A')^1/2 is thus what rows have in common: U alone says most about large catalogues and nothing about one of fewer
 * products than columns; U diag(s) is item-kNN as it is, but popular products then fill most columns. U comes from
 * subspace iteration (Halko, Martinsson and Tropp 2011). The rows are then turned so that their numbers sum to zero,
 * which the layer norm behind them would subtract, and so change. */
#ifndef SAGE_TRAIN_TOKEN_START_H
#define SAGE_TRAIN_TOKEN_START_H

#include <base/error.h>
#include <dataset/tokens.h>
#include <model/model.h>
#include <parallel/pool.h>

/* Options token_init and init want it. */
bool sage_token_start_meant(const sage_options *options);
/* Sets the tokens' rows of the table. Those of products that no user of the training part dealt with stay as they are;
 * so does everything where tokens are hashed. About 10 multiply-adds per event and column; memory: twice the tokens'
 * rows and 4 bytes an event, until it returns. The same bits for any number of threads. */
sage_status sage_token_start(const sage_dataset *dataset, const sage_tokens *tokens, sage_model *model, sage_pool *pool,
                             const sage_monitor *monitor, sage_error *error);

#endif
