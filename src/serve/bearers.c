#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <io/fs.h>
#include <pthread.h>
#include <serve/bearers.h>
#include <serve/seen.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { FILE_MAX_BYTES = 64 << 10 };

typedef struct token_list {
    size_t n;
    struct {
        sage_role role;
        size_t len;
        char text[SAGE_TOKEN_MOST]; /* zeros behind it */
    } list[SAGE_BEARERS_MAX];
} token_list;

struct sage_bearers {
    char path[SAGE_PATH_MAX];
    struct stat seen; /* of the file, when it was read last, or tried */
    pthread_rwlock_t lock;
    token_list *now; /* under the lock */
};

static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

static sage_status add(token_list *tokens, const char *line, const char *path, size_t number, sage_error *error) {
    const size_t word = strcspn(line, " \t"), gap = strspn(line + word, " \t");
    const char *token = line + word + gap;
    const size_t len = strspn(token, allowed);
    const bool writes = word == 5 && memcmp(line, "write", 5) == 0;
    if (!writes && !(word == 4 && memcmp(line, "read", 4) == 0))
        return sage_fail_at(error, SAGE_E_FORMAT, path, number, 1, "a line is 'read TOKEN' or 'write TOKEN'");
    if (len < SAGE_TOKEN_LEAST || len > SAGE_TOKEN_MOST || token[len + strspn(token + len, " \t\r")] != '\0')
        return sage_fail_at(error, SAGE_E_FORMAT, path, number, word + gap + 1,
                            "a token has %d to %d letters, digits and -._~+/=", SAGE_TOKEN_LEAST, SAGE_TOKEN_MOST);
    if (tokens->n == SAGE_BEARERS_MAX)
        return sage_fail_at(error, SAGE_E_LIMIT, path, number, 1, "there are more than %d tokens", SAGE_BEARERS_MAX);
    tokens->list[tokens->n].role = writes ? SAGE_ROLE_WRITE : SAGE_ROLE_READ;
    tokens->list[tokens->n].len = len;
    memcpy(tokens->list[tokens->n++].text, token, len);
    return SAGE_OK;
}

static void forget(token_list *tokens) {
    if (tokens != NULL) explicit_bzero(tokens, sizeof *tokens);
    sage_free(tokens);
}

static sage_status read_list(const char *path, token_list **tokens, sage_error *error) {
    sage_status st = SAGE_OK;
    char *text = NULL;
    size_t n = 0, number = 1;
    *tokens = NULL;
    token_list *t = sage_alloc_zero(1, sizeof *t);
    if (t == NULL) return sage_fail_memory(error, sizeof *t);
    SAGE_TRY(sage_fs_read_all(path, FILE_MAX_BYTES, &text, &n, error));
    for (char *line = text, *end; *line; line = end, number++) {
        end = line + strcspn(line, "\n");
        if (*end) *end++ = '\0';
        if (*line != '#' && line[strspn(line, " \t\r")] != '\0') SAGE_TRY(add(t, line, path, number, error));
    }
    if (t->n == 0) SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "it names no token; write 'read TOKEN'"));
    *tokens = t;
    t = NULL;
out:
    if (text != NULL) explicit_bzero(text, n);
    sage_free(text);
    forget(t);
    return st;
}

sage_status sage_bearers_read(const char *path, sage_bearers **tokens, sage_error *error) {
    sage_status st = SAGE_OK;
    *tokens = NULL;
    sage_bearers *t = sage_alloc_zero(1, sizeof *t);
    if (t == NULL) return sage_fail_memory(error, sizeof *t);
    pthread_rwlock_init(&t->lock, NULL);
    if (strlen(path) >= sizeof t->path)
        SAGE_TRY(sage_fail(error, SAGE_E_LIMIT, "the path of the tokens is longer than %d bytes", SAGE_PATH_MAX - 1));
    memcpy(t->path, path, strlen(path));
    t->seen = sage_look_at(path); /* first: what is written meanwhile is another file */
    SAGE_TRY(read_list(path, &t->now, error));
    *tokens = t;
    t = NULL;
out:
    sage_bearers_free(t);
    return st;
}

void sage_bearers_turn(sage_bearers *tokens, const sage_monitor *monitor) {
    sage_error error;
    token_list *next;
    char line[512];
    if (tokens == NULL) return;
    const struct stat now = sage_look_at(tokens->path);
    if (sage_same_file(&now, &tokens->seen)) return;
    tokens->seen = now;
    if (read_list(tokens->path, &next, &error) != SAGE_OK) {
        sage_error_line(&error, line, sizeof line);
        sage_warn(monitor, "the tokens stay as they were: %s", line);
        return;
    }
    pthread_rwlock_wrlock(&tokens->lock);
    token_list *before = tokens->now;
    tokens->now = next;
    pthread_rwlock_unlock(&tokens->lock);
    forget(before);
    sage_note(monitor, "%zu tokens are read anew", next->n);
}

void sage_bearers_free(sage_bearers *tokens) {
    if (tokens == NULL) return;
    forget(tokens->now);
    pthread_rwlock_destroy(&tokens->lock);
    sage_free(tokens);
}

/* All bytes of both are looked at, whatever the first says. */
static uint32_t differs(const char *a, const char *b, size_t n) {
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) bits |= (uint32_t)((unsigned char)a[i] ^ (unsigned char)b[i]);
    return bits;
}

static sage_role role_of(const token_list *tokens, const char given[SAGE_TOKEN_MOST], size_t len) {
    uint32_t role = SAGE_ROLE_ANYBODY;
    for (size_t i = 0; i < tokens->n; i++) {
        const uint32_t other =
            differs(given, tokens->list[i].text, SAGE_TOKEN_MOST) | (uint32_t)(len ^ tokens->list[i].len);
        const uint32_t same = (uint32_t)(((uint64_t)other - 1) >> 63); /* 1 where nothing differs */
        role |= same * (uint32_t)tokens->list[i].role;
    }
    return role > SAGE_ROLE_WRITE ? SAGE_ROLE_WRITE : (sage_role)role;
}

sage_role sage_bearers_role(sage_bearers *tokens, const char *authorization) {
    char given[SAGE_TOKEN_MOST] = "";
    if (tokens == NULL) return SAGE_ROLE_WRITE;
    if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0) return SAGE_ROLE_ANYBODY;
    const char *token = authorization + 7 + strspn(authorization + 7, " ");
    const size_t len = strlen(token);
    if (len > SAGE_TOKEN_MOST) return SAGE_ROLE_ANYBODY;
    memcpy(given, token, len);
    pthread_rwlock_rdlock(&tokens->lock);
    const sage_role role = role_of(tokens->now, given, len);
    pthread_rwlock_unlock(&tokens->lock);
    return role;
}
