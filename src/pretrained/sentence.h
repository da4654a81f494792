/* Texts to vectors: a frozen encoder of texts with its own tokenizer, from one folder. */
#ifndef SAGE_PRETRAINED_SENTENCE_H
#define SAGE_PRETRAINED_SENTENCE_H

#include <base/buf.h>
#include <pretrained/encoder.h>

typedef struct sage_sentence_encoder sage_sentence_encoder; /* one thread at a time; the pool works inside a call */

/* Statuses as sage_pretrained_open and sage_wordpiece_open; SAGE_E_ARGUMENT where the folder holds an encoder of
 * pictures; SAGE_E_FORMAT where its tokenizer gives ids that it does not know. The pool may be NULL and must outlive
 * the encoder. */
sage_status sage_sentence_encoder_open(const char *dir, sage_precision precision, sage_pool *pool,
                                       sage_sentence_encoder **encoder, sage_error *error);
void sage_sentence_encoder_free(sage_sentence_encoder *encoder);
size_t sage_sentence_encoder_dim(const sage_sentence_encoder *encoder);

/* Texts as they are (UTF-8); what is longer than the encoder takes is cut at its end. out [n][dim], each of length 1.
 * Memory: the ids of all n. SAGE_E_FORMAT where a number comes out that is not finite: the weights are damaged. */
sage_status sage_sentence_encoder_run(sage_sentence_encoder *encoder, size_t n, const sage_str *texts, float *out,
                                      sage_error *error);

#endif
