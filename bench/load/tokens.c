#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct token {
    uint16_t len;
    uint8_t *text;
};

struct load_tokens {
    size_t count;
    struct token rows[];
};

struct load_tokens *load_tokens_new(size_t count)
{
    struct load_tokens *tokens = calloc(1, sizeof(*tokens) + count * sizeof(tokens->rows[0]));

    SES_REQUIRE(tokens != NULL);
    tokens->count = count;
    return tokens;
}

void load_tokens_free(struct load_tokens *tokens)
{
    if (tokens == NULL)
        return;
    for (size_t i = 0; i < tokens->count; i++)
        free(tokens->rows[i].text);
    free(tokens);
}

size_t load_tokens_count(const struct load_tokens *tokens)
{
    return tokens->count;
}

bool load_tokens_put(struct load_tokens *tokens, uint64_t index, struct ses_slice token)
{
    struct token *row;

    if (index >= tokens->count || token.len > LOAD_TOKEN_MAX)
        return false;
    row = &tokens->rows[index];
    free(row->text);
    row->text = malloc(token.len == 0 ? 1 : token.len);
    SES_REQUIRE(row->text != NULL);
    memcpy(row->text, token.data, token.len);
    row->len = (uint16_t)token.len;
    return true;
}

struct ses_slice load_tokens_get(const struct load_tokens *tokens, uint64_t index)
{
    const struct token *row = &tokens->rows[index];

    return ses_slice(row->text, row->len);
}

static bool refuse(const char *path, const char *why)
{
    fprintf(stderr, "sessiond-load: %s: %s\n", path, why);
    return false;
}

bool load_tokens_write(const struct load_tokens *tokens, const char *path)
{
    FILE *file = fopen(path, "w");

    if (file == NULL)
        return refuse(path, strerror(errno));
    for (size_t i = 0; i < tokens->count && tokens->rows[i].len > 0; i++)
        fprintf(file, "%.*s\n", (int)tokens->rows[i].len, (const char *)tokens->rows[i].text);
    return fclose(file) == 0 || refuse(path, strerror(errno));
}

/* Its next line, without what ends it; -1 at the end. */
static ssize_t next_line(FILE *file, char **line, size_t *room)
{
    ssize_t len = getline(line, room, file);

    return len > 0 && (*line)[len - 1] == '\n' ? len - 1 : len;
}

static bool read_lines(FILE *file, const char *path, struct load_tokens **ret_tokens)
{
    char *line = NULL;
    size_t room = 0, count = 0;
    bool right;

    while (next_line(file, &line, &room) > 0)
        count++;
    *ret_tokens = load_tokens_new(count);
    rewind(file);
    right = count > 0 && count <= LOAD_TOKENS_MAX;
    for (size_t i = 0; i < count && right; i++) {
        ssize_t len = next_line(file, &line, &room);

        right = len > 0 && load_tokens_put(*ret_tokens, i, ses_slice(line, (size_t)len));
    }
    free(line);
    return right || refuse(path, "1 to 4000000 lines are wanted, a token each, none longer than a token");
}

struct load_tokens *load_tokens_read(const char *path)
{
    FILE *file = fopen(path, "r");
    struct load_tokens *tokens;

    if (file == NULL) {
        (void)refuse(path, strerror(errno));
        return NULL;
    }
    if (!read_lines(file, path, &tokens)) {
        load_tokens_free(tokens);
        tokens = NULL;
    }
    (void)fclose(file);
    return tokens;
}
