/* Urlencoded forms, text/plain, and which reader a body gets. The order of trying matters: a boundary
 * or a JSON object is unmistakable and goes first, then the type is believed, and at the end what the
 * bytes look like. */
#include "return_form.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/parameter.h>

/* A '%' that no two hex digits follow stands for itself (WHATWG URL); `s.len - at > 2` keeps both
 * inside. */
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

/* ---- urlencoded -------------------------------------------------------------------------------- */

/* Split before it is decoded: an escaped '=' or '&' is a part of its text. */
static enum ses_status add_pair(struct ses_return_form *form, struct ses_slice pair)
{
    struct ses_slice name, value;

    SES_TRY(decode(ses_slice_take_until(&pair, '='), form->arena, &name));
    SES_TRY(decode(pair, form->arena, &value));
    return name.len + value.len == 0 ? SES_OK : ses_return_form_add(form, name, value);
}

enum ses_status ses_return_form_parse(struct ses_return_form *form, struct ses_slice text)
{
    if (text.len > 3 * (size_t)SES_RETURN_BYTES_MAX) /* every byte escaped: what is longer cannot fit */
        return SES_TOO_LARGE;
    while (text.len > 0) {
        struct ses_slice pair = ses_slice_take_until(&text, '&');

        if (pair.len > 0)
            SES_TRY(add_pair(form, pair));
    }
    return SES_OK;
}

/* ---- bodies of other types ----------------------------------------------------------------------- */

/* The labels under which banks announce what browsers read as windows-1252 (WHATWG Encoding).
 * iso-8859-15 differs from it in eight characters; it is read the same way rather than losing every
 * accent. */
enum ses_charset ses_return_form_charset(struct ses_slice content_type)
{
    static const struct ses_slice latin[] = {
        SES_STR_INIT("iso-8859-1"),   SES_STR_INIT("iso8859-1"), SES_STR_INIT("iso_8859-1"),
        SES_STR_INIT("windows-1252"), SES_STR_INIT("cp1252"),    SES_STR_INIT("latin1"),
        SES_STR_INIT("iso-8859-15"),
    };
    struct ses_slice charset;

    (void)ses_parameter_take_word(&content_type);
    charset = ses_parameter_find(content_type, SES_STR("charset"));
    for (size_t i = 0; i < sizeof(latin) / sizeof(latin[0]); i++) {
        if (ses_slice_ieq(charset, latin[i]))
            return SES_CHARSET_LATIN;
    }
    return charset.len == 0 ? SES_CHARSET_NONE : SES_CHARSET_OTHER;
}

static struct ses_slice without_line_end(struct ses_slice text)
{
    while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
        text.len--;
    return text;
}

/* Only white space and separators: the same as no body at all, so that an empty POST uses up nothing. */
static bool is_blank(struct ses_slice body)
{
    for (size_t i = 0; i < body.len; i++) {
        if (body.data[i] > 0x20 && body.data[i] != '&' && body.data[i] != '=')
            return false;
    }
    return true;
}

/* One line that is written like a form is one, whatever the type says. */
static bool has_lines(struct ses_slice body)
{
    struct ses_slice text = without_line_end(body);

    return ses_slice_find(text, '\n') < text.len ||
           (ses_slice_find(text, '&') == text.len && ses_slice_find(text, '%') == text.len &&
            ses_slice_find(text, '=') < text.len);
}

/* A line a pair, as browsers write text/plain. Without an '=' the whole line is a name. */
static enum ses_status add_lines(struct ses_return_form *form, struct ses_slice body)
{
    while (body.len > 0) {
        struct ses_slice line = without_line_end(ses_slice_take_until(&body, '\n'));
        struct ses_slice name;

        if (line.len == 0)
            continue;
        name = ses_slice_take_until(&line, '=');
        SES_TRY(ses_return_form_add(form, name, line));
    }
    return SES_OK;
}

/* Some pages send pairs under no type or a wrong one. */
static bool looks_like_pairs(struct ses_slice body)
{
    size_t equals = ses_slice_find(body, '=');

    for (size_t i = 0; i < equals && equals < body.len; i++) {
        if (body.data[i] <= 0x20 || strchr("<{[\"", body.data[i]) != NULL)
            return false;
    }
    return equals > 0 && equals < body.len && equals <= SES_RETURN_NAME_BYTES_MAX;
}

/* What nothing fits is kept whole under one name: a bank's answer must never be lost for its form. */
enum ses_status ses_return_form_body(struct ses_return_form *form, struct ses_slice content_type,
                                     struct ses_slice body)
{
    struct ses_slice type = ses_parameter_take_word(&content_type);
    struct ses_slice boundary = ses_parameter_find(content_type, SES_STR("boundary"));
    bool pairs = ses_slice_ieq(type, SES_STR("application/x-www-form-urlencoded"));
    enum ses_status status = SES_OK;

    if (is_blank(body))
        return SES_OK;
    if (boundary.len > 0 && ses_return_multipart(form, boundary, body, &status))
        return status;
    if (ses_return_json(form, body, &status))
        return status;
    if (ses_slice_ieq(type, SES_STR("text/plain")) && has_lines(body))
        return add_lines(form, body);
    if (pairs || looks_like_pairs(body))
        return ses_return_form_parse(form, body);
    return ses_return_form_add(form, SES_STR("body"), body);
}
