#include "web_trailers.h"

static uint8_t *put(uint8_t *at, struct ses_slice bytes)
{
    if (bytes.len > 0)
        memcpy(at, bytes.data, bytes.len);
    return at + bytes.len;
}

enum ses_status ses_web_trailers_encode(const struct ses_header *trailers, size_t count,
                                        struct ses_arena *arena, struct ses_slice *ret_block)
{
    struct ses_slice between = SES_STR(": "), behind = SES_STR("\r\n");
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += trailers[i].name.len + between.len + trailers[i].value.len + behind.len;
    uint8_t *block = ses_arena_alloc(arena, len), *at = block;

    if (block == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        at = put(put(at, trailers[i].name), between);
        at = put(put(at, trailers[i].value), behind);
    }
    *ret_block = ses_slice(block, len);
    return SES_OK;
}
