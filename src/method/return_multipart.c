/* RFC 7578 and RFC 2046 section 5.1.1, read leniently: what stands before the first and behind the last
 * boundary is passed over, a part without a name as well. */
#include "return_form.h"

#include <sessiond/base/parameter.h>

#define BOUNDARY_BYTES_MAX 200 /* RFC 2046: 70 */

static size_t find(struct ses_slice text, struct ses_slice what)
{
    const void *at = text.len < what.len ? NULL : memmem(text.data, text.len, what.data, what.len);

    return at == NULL ? text.len : (size_t)((const uint8_t *)at - text.data);
}

/* A line without its end. */
static struct ses_slice take_line(struct ses_slice *rest)
{
    size_t end = ses_slice_find(*rest, '\n');
    struct ses_slice line = ses_slice_cut(*rest, 0, end);

    *rest = ses_slice_cut(*rest, end + 1, rest->len);
    return line.len > 0 && line.data[line.len - 1] == '\r' ? ses_slice_cut(line, 0, line.len - 1) : line;
}

/* Headers, an empty line, the value and the line end that belongs to the next boundary. */
static enum ses_status add_part(struct ses_return_form *form, struct ses_slice part)
{
    struct ses_slice name = SES_SLICE_EMPTY;
    struct ses_slice line;

    for (line = take_line(&part); line.len > 0; line = take_line(&part)) {
        if (!ses_slice_ieq(ses_slice_take_until(&line, ':'), SES_STR("content-disposition")))
            continue;
        (void)ses_parameter_take_word(&line);
        name = ses_parameter_find(line, SES_STR("name"));
    }
    if (part.len > 0 && part.data[part.len - 1] == '\n')
        part.len--;
    if (part.len > 0 && part.data[part.len - 1] == '\r')
        part.len--;
    return name.len == 0 ? SES_OK : ses_return_form_add(form, name, part);
}

/* A boundary is looked for anywhere, not only at the start of a line: senders disagree about the line
 * end before it, and no part may hold it (RFC 2046). Each round takes at least the mark, so the loop
 * ends with the body. */
bool ses_return_multipart(struct ses_return_form *form, struct ses_slice boundary, struct ses_slice body,
                          enum ses_status *ret_status)
{
    uint8_t bytes[2 + BOUNDARY_BYTES_MAX] = "--";
    struct ses_slice mark = ses_slice(bytes, 2 + boundary.len);
    size_t at;

    *ret_status = SES_OK;
    if (boundary.len > BOUNDARY_BYTES_MAX)
        return false;
    memcpy(bytes + 2, boundary.data, boundary.len);
    at = find(body, mark);
    if (at == body.len)
        return false;
    body = ses_slice_cut(body, at + mark.len, body.len);
    while (*ret_status == SES_OK && !ses_slice_starts(body, SES_STR("--")) && body.len > 0) {
        (void)take_line(&body); /* the rest of the boundary's line */
        at = find(body, mark);
        *ret_status = add_part(form, ses_slice_cut(body, 0, at));
        body = ses_slice_cut(body, at + mark.len, body.len);
    }
    return true;
}
