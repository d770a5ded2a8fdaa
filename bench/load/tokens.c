#include "load.h"

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
