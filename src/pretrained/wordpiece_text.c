#include <pretrained/wordpiece_text.h>

static void wait_for(sage_wp_text *text, sage_wp_entry entry) {
    text->queue[text->n++] = entry;
}

/* The next code point's entry without taking it; its bytes. */
static sage_wp_entry peek(const sage_wp_text *text, uint32_t *point, size_t *bytes) {
    *bytes = sage_wp_decode(text->at, text->end, point);
    return sage_wp_look(text->points, *point);
}

/* Puts the marks queue[begin, n) into canonical order (Unicode 3.11): by class, equal ones as they came. */
static void order(sage_wp_text *text, size_t begin) {
    for (size_t i = begin + 1; i < text->n; i++) {
        sage_wp_entry mark = text->queue[i];
        size_t j = i;
        for (; j > begin && sage_wp_class(text->queue[j - 1]) > sage_wp_class(mark); j--) {
            text->queue[j] = text->queue[j - 1];
        }
        text->queue[j] = mark;
    }
}

/* Takes the marks that follow; those that fall away do not part a run. */
static void take_marks(sage_wp_text *text, size_t begin) {
    while (text->at < text->end && text->n < SAGE_WP_QUEUE) {
        uint32_t point;
        size_t bytes;
        sage_wp_entry entry = peek(text, &point, &bytes);
        if (sage_wp_kind_of(entry) == SAGE_WP_MARK) {
            wait_for(text, entry);
        } else if (sage_wp_kind_of(entry) != SAGE_WP_DROP) {
            break;
        }
        text->at += bytes;
    }
    order(text, begin);
    for (size_t i = begin; i < text->n; i++) {
        text->queue[i] = sage_wp_entry_of(sage_wp_point(text->queue[i]), SAGE_WP_KEEP, 0);
    }
}

static void take_many(sage_wp_text *text, uint32_t point) {
    sage_wp_entry parts[SAGE_WP_MANY_MAX];
    size_t n = sage_wp_decompose(text->points, point, parts), run = 0;
    for (size_t i = 0; i < n; i++) {
        sage_wp_kind kind = sage_wp_kind_of(parts[i]);
        if (kind == SAGE_WP_MARK) {
            run++;
        } else if (kind == SAGE_WP_DROP) {
            continue;
        } else {
            run = 0;
        }
        if (kind != SAGE_WP_DROP_END) wait_for(text, parts[i]);
    }
    if (run > 0) take_marks(text, text->n - run);
}

/* Fills the queue from one code point, which may give nothing. */
static void take(sage_wp_text *text) {
    uint32_t point;
    size_t bytes;
    sage_wp_entry entry = peek(text, &point, &bytes), space = sage_wp_entry_of(' ', SAGE_WP_SPACE, 0);
    if (sage_wp_kind_of(entry) == SAGE_WP_MARK) {
        take_marks(text, 0);
        return;
    }
    text->at += bytes;
    switch (sage_wp_kind_of(entry)) {
    case SAGE_WP_DROP:
    case SAGE_WP_DROP_END: break;
    case SAGE_WP_IDEOGRAPH:
        wait_for(text, space);
        wait_for(text, sage_wp_entry_of(sage_wp_point(entry), SAGE_WP_KEEP, 0));
        wait_for(text, space);
        break;
    case SAGE_WP_MANY: take_many(text, point); break;
    default: wait_for(text, entry);
    }
}

sage_wp_entry sage_wp_text_next_slow(sage_wp_text *text) {
    while (text->head == text->n) {
        if (text->at == text->end) return SAGE_WP_END;
        text->head = text->n = 0;
        take(text);
    }
    return text->queue[text->head++];
}
