#include <serve/framing.h>
#include <string.h>
#include <strings.h>

static bool is(sage_str text, const char *word) {
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

/* A blank before the colon: some take "Content-Length : 5" for a length, others do not. */
static bool has_blank(sage_str name) {
    return name.len == 0 || memchr(name.data, ' ', name.len) != NULL || memchr(name.data, '\t', name.len) != NULL;
}

void sage_framing_add(sage_framing *framing, sage_str name, sage_str value) {
    framing->odd_name |= has_blank(name);
    framing->hosts += is(name, "Host");
    framing->lengths += is(name, "Content-Length");
    if (!is(name, "Transfer-Encoding")) return;
    framing->codings++;
    framing->unknown_coding |= !is(value, "chunked");
}

const char *sage_framing_fault(const sage_framing *framing) {
    if (framing->odd_name) return "the head has a header with a blank in its name, or with none";
    if (framing->hosts > 1) return "the head names more than one Host";
    if (framing->unknown_coding) return "of transfer codings chunked alone is read, without another one";
    if (framing->lengths + framing->codings > 1) return "the head says more than once where the body ends";
    return NULL;
}
