#include "return_form.h"

#include <sessiond/base/encode.h>

static struct ses_slice take_until(struct ses_slice *rest, uint8_t separator)
{
    size_t at = ses_slice_find(*rest, separator);
    struct ses_slice part = ses_slice_cut(*rest, 0, at);

    *rest = ses_slice_cut(*rest, at + 1, rest->len);
    return part;
}

static bool is_escape(struct ses_slice s, size_t at)
{
    return s.data[at] == '%' && s.len - at > 2 && ses_hex_digit(s.data[at + 1]) >= 0 &&
           ses_hex_digit(s.data[at + 2]) >= 0;
}

/* Never longer than what it is made of. */
static enum ses_status decode(struct ses_slice text, struct ses_arena *arena, struct ses_slice *ret_bytes)
{
    uint8_t *bytes = ses_arena_alloc(arena, text.len + 1);
    size_t len = 0;

    if (bytes == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (is_escape(text, i)) {
            c = (uint8_t)(ses_hex_digit(text.data[i + 1]) * 16 + ses_hex_digit(text.data[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        bytes[len++] = c;
    }
    *ret_bytes = ses_slice(bytes, len);
    return SES_OK;
}

static bool is_text(struct ses_slice s)
{
    return ses_slice_find(s, 0) == s.len && ses_utf8_check(s);
}

static enum ses_status parse_pair(struct ses_slice pair, struct ses_arena *arena,
                                  struct ses_return_parameter *ret_parameter)
{
    struct ses_return_parameter parameter;

    SES_TRY(decode(take_until(&pair, '='), arena, &parameter.name));
    SES_TRY(decode(pair, arena, &parameter.value));
    if (parameter.name.len > SES_RETURN_NAME_BYTES_MAX)
        return SES_TOO_LARGE;
    if (parameter.name.len == 0 || !is_text(parameter.name) || !is_text(parameter.value))
        return SES_MALFORMED;
    *ret_parameter = parameter;
    return SES_OK;
}

enum ses_status ses_return_form_parse(struct ses_slice text, struct ses_arena *arena,
                                      struct ses_return_parameter **ret_parameters, size_t *ret_count)
{
    struct ses_return_parameter *parameters;
    size_t bytes = 0;
    size_t count = 0;

    if (text.len > 3 * (size_t)SES_RETURN_BYTES_MAX) /* every byte escaped: what is longer cannot fit */
        return SES_TOO_LARGE;
    parameters = ses_arena_alloc(arena, SES_RETURN_PARAMETERS_MAX * sizeof(*parameters));
    if (parameters == NULL)
        return SES_NO_MEMORY;
    while (text.len > 0) {
        struct ses_slice pair = take_until(&text, '&');

        if (pair.len == 0)
            continue;
        if (count == SES_RETURN_PARAMETERS_MAX)
            return SES_TOO_LARGE;
        SES_TRY(parse_pair(pair, arena, &parameters[count]));
        bytes += parameters[count].name.len + parameters[count].value.len;
        if (bytes > SES_RETURN_BYTES_MAX)
            return SES_TOO_LARGE;
        count++;
    }
    *ret_parameters = parameters;
    *ret_count = count;
    return SES_OK;
}

bool ses_return_form_type(struct ses_slice content_type)
{
    struct ses_slice type = ses_slice_trim(ses_slice_cut(content_type, 0, ses_slice_find(content_type, ';')));

    return ses_slice_ieq(type, SES_STR("application/x-www-form-urlencoded"));
}
