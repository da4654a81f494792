#include <dataset/sampler.h>

const sage_option sage_dataset_options[] = {
    {"dataset", "vocab_words", SAGE_OPT_INT, 0, 2e9, NULL, "auto",
     "Words in the vocabulary at most, the most frequent first; auto is 200,000."},
    {"dataset", "vocab_bigrams", SAGE_OPT_INT, 0, 2e9, NULL, "auto",
     "Pairs of neighbouring words in the vocabulary at most; auto is 1,000,000, and no more than 8 a product (50,000 "
     "at least)."},
    {"dataset", "vocab_trigrams", SAGE_OPT_INT, 0, 2e9, NULL, "auto",
     "Letter trigrams in the vocabulary at most; auto is 64,000."},
    {"dataset", "vocab_min_df", SAGE_OPT_INT, 1, 1e9, NULL, "auto",
     "Leave out n-grams that occur in fewer products and training queries; auto is 1 for words, 2 for bigrams and "
     "trigrams."},
    {"dataset", "seed", SAGE_OPT_INT, 0, 9e15, NULL, "1",
     "Seed of the split, and of training unless train_seed says otherwise."},
    {"dataset", "holdout", SAGE_OPT_REAL, 0, 0.5, NULL, "0.2",
     "Share of the queries and users that is held out, half of it for validation, half for the test; 0 trains on "
     "everything."},
    {"dataset", "split", SAGE_OPT_CHOICE, 0, 0, "hash|time", "hash",
     "hash: a query lies in one part with all its events; so does a user, of whom, held out, a fifth of the products "
     "is to be predicted from the others; time: the newest events of everybody are."},
    {"dataset", "made_sentences", SAGE_OPT_INT, 0, 1e9, NULL, "0",
     "Queries made from the catalogue that get a sentence, one of each product at most; of use where sentence_path "
     "is fixed or learned, and then 50,000 are a good number."},
    {"dataset", "vocabulary_of", SAGE_OPT_INT, 0, 9e15, NULL, "0",
     "Model whose vocabulary is taken as it is, as `train --from` needs it; 0 counts one anew."},
    {"dataset", "memory", SAGE_OPT_INT, 1e6, 1e13, NULL, "auto",
     "Bytes of memory: building a dataset counts n-grams within it and sends the rest to disk (auto: 1 GiB); training "
     "does not start where it needs more, or, with batch=auto, takes a smaller batch (auto: no limit)."},
    {"dataset", "search_vectors", SAGE_OPT_BOOL, 0, 0, NULL, "on",
     "Vectors that the shop has of its own for queries of whatever surface (import vectors) are learned from in "
     "training, and validation and searches ask with them."},
    {NULL, NULL, SAGE_OPT_INT, 0, 0, NULL, NULL, NULL},
};

const sage_option sage_sampler_options[] = {
    {"sampler", "batch", SAGE_OPT_INT, 1, 1e6, NULL, "auto",
     "Pairs in a batch; auto is 1,024, and no more than there are products, searches by picture and events of users."},
    {"sampler", "negatives", SAGE_OPT_INT, 0, 1e6, NULL, "auto",
     "Random negatives from the whole catalogue that a batch shares; auto is as many as pairs."},
    {"sampler", "softmaxes", SAGE_OPT_CHOICE, 0, 0, "both|in_batch|random|concat", "both",
     "Which negatives a query's product is told from: both in-batch and random ones, by two losses that are added up; "
     "in-batch ones alone (no random ones are then drawn) or random ones alone; or both in one softmax. Where a batch "
     "could hold the whole catalogue, all but in_batch take one softmax over that."},
    {"sampler", "catalogue_share", SAGE_OPT_REAL, 0, 1, NULL, "auto",
     "Share of a batch's texts, and of its pictures, that is made from the catalogue alone; auto is 0.6 where there "
     "are events, and 1 where there are none."},
    {"sampler", "given_share", SAGE_OPT_REAL, 0, 1, NULL, "auto",
     "Share of a batch's events whose queries are the vectors that the shop has of its own for them, where all have "
     "one "
     "(fewer in proportion); the others ask by the towers, which follow those vectors; auto is 0.5."},
    {"sampler", "follow_share", SAGE_OPT_REAL, 0, 1, NULL, "0.25",
     "Share of the rows made of the catalogue's words that are search texts with a vector of the shop's own instead, "
     "searched for or not, which the search tower follows and no product is the answer to."},
    {"sampler", "share_click", SAGE_OPT_REAL, 0, 1e9, NULL, "auto",
     "Relative share of clicks among a batch's events, of every surface; auto is their number for searches, the square "
     "root of it for users and products that are looked at."},
    {"sampler", "share_save", SAGE_OPT_REAL, 0, 1e9, NULL, "auto",
     "Relative share of saves; auto as for clicks, for users and products that are looked at times 1.5."},
    {"sampler", "share_add_to_cart", SAGE_OPT_REAL, 0, 1e9, NULL, "auto",
     "Relative share of carts; auto as for clicks, for users and products that are looked at times 2."},
    {"sampler", "share_checkout", SAGE_OPT_REAL, 0, 1e9, NULL, "auto",
     "Relative share of checkouts; auto as for clicks, for users and products that are looked at times 3."},
    {"sampler", "tasks", SAGE_OPT_TEXT, 0, 0, NULL, "all",
     "Tasks whose events are trained on, with commas between: surface/event, such as search/click,user/checkout, or a "
     "surface "
     "for all its events, or all. Pairs made from the catalogue are not meant."},
    {"sampler", "user_share", SAGE_OPT_REAL, 0, 1, NULL, "auto",
     "Share of a batch whose queries are users: what they had done before one of their events; auto is 0.5 where 20 "
     "users have two products and nobody searches, 2/3 where products are but numbers, 0.3 beside searches, else 0."},
    {"sampler", "closeup_share", SAGE_OPT_REAL, 0, 1, NULL, "auto",
     "Share of a batch whose queries are products that are looked at; auto is half of user_share, and 0.15 where only "
     "events of the surface product say what was looked at."},
    {"sampler", "user_window", SAGE_OPT_REAL, 0, 3650, NULL, "14",
     "Days that a user may be asked about in advance: what is known in training is what was done before a moment that "
     "many days at most before the event to be predicted."},
    {"sampler", "user_known", SAGE_OPT_CHOICE, 0, 0, "auto|before|others", "auto",
     "What is known of a user in training, where events have times: what was done before a moment, or a random part of "
     "the other products, as where there are no times; auto is before with split=time and others with split=hash, so "
     "that training asks as the split does."},
    {"sampler", "cold_negatives", SAGE_OPT_BOOL, 0, 0, NULL, "off",
     "Whether products that nobody has dealt with yet are negatives of users and of products that are looked at; if "
     "so, "
     "new products are recommended to nobody."},
    {"sampler", "user_half_life", SAGE_OPT_REAL, 0, 36500, NULL, "60",
     "Of what users did with a time, what is so many days older is predicted half as often in training; 0: all alike."},
    {"sampler", "user_events", SAGE_OPT_INT, 1, 1024, NULL, "auto",
     "Events of a user that are known in training, the newest; auto is 64."},
    {"sampler", "closeup_window", SAGE_OPT_REAL, 0, 3650, NULL, "7",
     "Days within which two products that a user dealt with are a pair, one of them looked at, the other the answer."},
    {"sampler", "event_dropout", SAGE_OPT_REAL, 0, 0.99, NULL, "0.1",
     "Probability that an event that is known of a user is left out of a step."},
    {"sampler", "count_power", SAGE_OPT_REAL, 0, 2, NULL, "0",
     "A pair that occurred n times weighs n to this power in the loss; 0 counts every pair once."},
    {"sampler", "ngram_dropout", SAGE_OPT_REAL, 0, 0.99, NULL, "0.3",
     "Probability that an n-gram of a query or of a product is left out of a step."},
    {"sampler", "field_dropout", SAGE_OPT_REAL, 0, 0.99, NULL, "0.1",
     "Probability that a whole text field of a product is left out of a step; never all of them."},
    {"sampler", "image_dropout", SAGE_OPT_REAL, 0, 0.99, NULL, "0.1",
     "Probability that an image of a product is left out of a step."},
    {"sampler", "picture_share", SAGE_OPT_REAL, 0, 1, NULL, "auto",
     "Share of a batch whose queries are pictures: those that events began with, and products' own; auto is 0.3 where "
     "there are such events, 0.15 where products have pictures, else 0, of what users and closeups leave."},
    {"sampler", "picture_holdout", SAGE_OPT_REAL, 0, 1, NULL, "0.5",
     "Probability that the picture that is a pair's query is left out of its product, with its copies."},
    {"sampler", "sentence_dropout", SAGE_OPT_REAL, 0, 1, NULL, "0.1",
     "With a text_encoder, the probability that the sentence of a product or of a query is left out of a step."},
    {"sampler", "sentence_noise", SAGE_OPT_REAL, 0, 0.95, NULL, "0",
     "With a text_encoder, the probability that one of a sentence's numbers is left out of a step, so that the model "
     "does not learn sentences by heart."},
    {"sampler", "made_share", SAGE_OPT_REAL, 0, 1, NULL, "0.5",
     "With a text_encoder, the share of the rows made from the catalogue's words whose queries have a sentence."},
    {"sampler", "pseudo_words_min", SAGE_OPT_INT, 1, 8, NULL, "1",
     "Words of a query made from the catalogue, at least."},
    {"sampler", "pseudo_words_max", SAGE_OPT_INT, 1, 8, NULL, "auto",
     "Words of a query made from the catalogue, at most; auto is 5 where lengths follow the training queries, else 4."},
    {"sampler", "pseudo_length", SAGE_OPT_CHOICE, 0, 0, "auto|uniform|queries", "auto",
     "Lengths of made queries: all alike, or as the training queries' (auto: these where there are 100 of them)."},
    {"sampler", "pseudo_run", SAGE_OPT_REAL, 0, 1, NULL, "0.5",
     "Probability that a made query is a run of neighbouring words; else its words are scattered ones."},
    {"sampler", "pseudo_title", SAGE_OPT_REAL, 0, 1, NULL, "0.7",
     "Probability that a made query takes its words from the title alone, not from category, type, brand and "
     "attributes too."},
    {"sampler", "pseudo_taste", SAGE_OPT_REAL, 0, 4, NULL, "1",
     "How much made queries prefer the words that shoppers type, as training queries show or rarity suggests; 0: all "
     "words alike."},
    {"sampler", "typo", SAGE_OPT_REAL, 0, 1, NULL, "0",
     "Probability that a word of a query, made or real, gets a random misspelling in a step."},
    {"sampler", "mask_words", SAGE_OPT_CHOICE, 0, 0, "made|all", "made",
     "Queries for which a product that contains all their words is no negative: made ones, or real ones as well."},
    {"sampler", "teacher", SAGE_OPT_REAL, 0, 1000, NULL, "1",
     "Weight of the loss that teaches the model what a keyword search (BM25) thinks of a batch's products; 0: none."},
    {"sampler", "teacher_temperature", SAGE_OPT_REAL, 0.01, 1000, NULL, "2",
     "What the keyword scores are divided by: lower makes the teacher surer of its best products."},
    {"sampler", "product_token", SAGE_OPT_CHOICE, 0, 0, "auto|on|off", "auto",
     "A learned vector for each product with enough events, beside its texts; auto has them where there are five "
     "events "
     "a product or more, or no texts."},
    {"sampler", "token_events", SAGE_OPT_INT, 0, 1e6, NULL, "auto",
     "Events of the training part that a product needs for a token of its own; auto is 3, and 1 where no product has a "
     "text."},
    {"sampler", "token_dropout", SAGE_OPT_REAL, 0, 1, NULL, "0.3",
     "Probability that a product's own token is left out in a step, so that the rest learns to do without."},
    {"sampler", "log_q", SAGE_OPT_CHOICE, 0, 0, "exact|sketch|off", "exact",
     "Correction of in-batch logits (with softmaxes=concat of all) for how often a product is drawn: from exact "
     "counts, "
     "from a count-min sketch, or none."},
    {"sampler", "sketch_depth", SAGE_OPT_INT, 1, 16, NULL, "2", "Rows of the count-min sketch."},
    {"sampler", "sketch_width", SAGE_OPT_INT, 2, 4294967296.0, NULL, "1048576",
     "Cells of a sketch's row; a power of two."},
    {NULL, NULL, SAGE_OPT_INT, 0, 0, NULL, NULL, NULL},
};
