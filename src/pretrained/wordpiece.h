/* BERT's tokenizer: texts to the ids that the tokenizers library of Hugging Face gives, from the files that it writes.
 *
 * WordPiece (Wu et al. 2016) over BERT's own normaliser and word splitter (Devlin et al. 2019). Read from a folder's
 * tokenizer.json (a WordPiece model with BertNormalizer, BertPreTokenizer and [CLS] text [SEP]) or, without one, its
 * vocab.txt (a token a line); tokenizer_config.json, where there, has the last word on do_lower_case, strip_accents and
 * tokenize_chinese_chars, names the special tokens, and says model_max_length. */
#ifndef SAGE_PRETRAINED_WORDPIECE_H
#define SAGE_PRETRAINED_WORDPIECE_H

#include <base/error.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct sage_wordpiece sage_wordpiece; /* read-only, any number of threads */

typedef struct sage_wordpiece_info {
    size_t vocabulary;      /* ids are below it */
    size_t max_tokens;      /* model_max_length; 0 where nothing bounds it */
    uint32_t cls, sep, unk; /* ids */
    bool lower_case, strip_accents;
} sage_wordpiece_info;

/* SAGE_E_NOT_FOUND: the folder has neither file; SAGE_E_FORMAT, SAGE_E_LIMIT: damaged, or a tokenizer of another kind;
 * the text says which file and what. */
sage_status sage_wordpiece_open(const char *dir, sage_wordpiece **wordpiece, sage_error *error);
void sage_wordpiece_free(sage_wordpiece *wordpiece);
const sage_wordpiece_info *sage_wordpiece_about(const sage_wordpiece *wordpiece); /* lives as long as it */

/* The ids of a text, [CLS] first and [SEP] last, at most max_tokens of them (>= 2; what is beyond is cut off at the end
 * of the text), into ids [max_tokens]. Returns how many; 0 where max_tokens < 2. Cannot fail, allocates nothing, and
 * stops reading where the ids are full. Bytes that are not UTF-8 count as U+FFFD, which most tokenizers drop. A special
 * token's text ("[SEP]") gives its id, as it does there. */
size_t sage_wordpiece_ids(const sage_wordpiece *wordpiece, const char *text, size_t size, size_t max_tokens,
                          uint32_t *ids);

#endif
