/* Search texts that the model reads as sentences, too. */
#include <base/error.h>
#include <search/engine_impl.h>

bool sage_engine_speaks(const sage_engine *engine) {
    return sage_shape_dim(sage_encoder_shape(engine->encoder), SAGE_GROUP_SENTENCES) > 0;
}

void sage_engine_take_sentences(sage_engine *engine, sage_sentences *sentences, sage_status status,
                                const sage_error *error) {
    sage_sentences_close(engine->sentences);
    engine->sentences = sentences;
    engine->speechless = status;
    if (status != SAGE_OK) engine->why = *error;
    sage_encoder_speak(engine->encoder, sentences);
}

sage_status sage_engine_speechless(const sage_engine *e, sage_error *error) {
    if (e->speechless != SAGE_OK && error != NULL) *error = e->why;
    return e->speechless;
}

sage_status sage_engine_check_texts(sage_engine *engine, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_engine_check_given(engine, SAGE_ON_SEARCH, error));
    SAGE_TRY(sage_engine_speechless(engine, error));
    if (engine->sentences != NULL) SAGE_TRY(sage_sentences_ready(engine->sentences, error));
out:
    return st;
}
