/* The error is the same object that a unary Connect call is answered by. */
#include "connect_end.h"

#include <sessiond/codec/json_write.h>

static bool stands_before(const struct ses_header *trailers, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (ses_slice_eq(trailers[i].name, trailers[index].name))
            return true;
    }
    return false;
}

static void write_values(struct ses_json *json, struct ses_slice name, const struct ses_header *trailers,
                         size_t count)
{
    ses_json_key(json, name);
    ses_json_open(json, '[');
    for (size_t i = 0; i < count; i++) {
        if (!ses_slice_eq(trailers[i].name, name) || !ses_utf8_check(trailers[i].value))
            continue;
        ses_json_element(json);
        ses_json_write_text(json, trailers[i].value);
    }
    ses_json_close(json, ']');
}

/* All values of a name in one array. */
static void write_metadata(struct ses_json *json, const struct ses_header *trailers, size_t count)
{
    ses_json_key(json, SES_STR("metadata"));
    ses_json_open(json, '{');
    for (size_t i = 0; i < count; i++) {
        if (!stands_before(trailers, i))
            write_values(json, trailers[i].name, trailers + i, count - i);
    }
    ses_json_close(json, '}');
}

static enum ses_status encode(const struct ses_error *error, const struct ses_header *trailers, size_t count,
                              struct ses_arena *arena, struct ses_slice *ret_text)
{
    struct ses_slice object = SES_SLICE_EMPTY;
    struct ses_json json;

    if (error != NULL)
        SES_TRY(ses_error_encode_json(error, SES_DOOR_CONNECT, arena, &object));
    ses_json_begin(&json, arena);
    ses_json_open(&json, '{');
    if (error != NULL) {
        ses_json_key(&json, SES_STR("error"));
        ses_json_raw(&json, object);
    }
    if (count > 0)
        write_metadata(&json, trailers, count);
    ses_json_close(&json, '}');
    return ses_json_end(&json, ret_text);
}

struct ses_slice ses_connect_end_encode(const struct ses_error *error, const struct ses_header *trailers,
                                        size_t count, struct ses_arena *arena)
{
    struct ses_slice text;

    if (error == NULL && count == 0)
        return SES_STR("{}");
    if (encode(error, trailers, count, arena, &text) == SES_OK)
        return text;
    return SES_STR(SES_CONNECT_END_OUT_OF_MEMORY);
}
