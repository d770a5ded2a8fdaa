/* Each byte is looked at once or twice, however many quotes somebody writes. */
#include <sessiond/base/parameter.h>

/* RFC 9110 section 5.6.4: where the quoted string ends whose opening quote stands at that place, behind its closing
 * quote. text.len also if it has none: ended tells which. */
static size_t quoted_end(struct ses_slice text, size_t at, bool *ret_ended)
{
    *ret_ended = false;
    for (at++; at < text.len && text.data[at] != '"'; at++) {
        if (text.data[at] == '\\')
            at++;
    }
    if (at >= text.len)
        return text.len;
    *ret_ended = true;
    return at + 1;
}

static struct ses_slice unquote(struct ses_slice value)
{
    bool ended;

    if (value.len == 0 || value.data[0] != '"' || quoted_end(value, 0, &ended) < value.len || !ended)
        return value;
    return ses_slice_cut(value, 1, value.len - 1);
}

struct ses_slice ses_parameter_take_word(struct ses_slice *rest)
{
    return ses_slice_trim(ses_slice_take_until(rest, ';'));
}

bool ses_parameter_take(struct ses_slice *rest, struct ses_parameter *ret_parameter)
{
    struct ses_slice value, name;
    size_t at = 0;
    bool ended;

    if (rest->len == 0)
        return false;
    while (at < rest->len && rest->data[at] != ';')
        at = rest->data[at] == '"' ? quoted_end(*rest, at, &ended) : at + 1;
    value = ses_slice_cut(*rest, 0, at);
    *rest = ses_slice_cut(*rest, at + 1, rest->len);
    name = ses_slice_trim(ses_slice_take_until(&value, '='));
    *ret_parameter = (struct ses_parameter){.name = name, .value = unquote(ses_slice_trim(value))};
    return true;
}

struct ses_slice ses_parameter_find(struct ses_slice parameters, struct ses_slice name)
{
    struct ses_parameter parameter;

    while (ses_parameter_take(&parameters, &parameter)) {
        if (ses_slice_ieq(parameter.name, name))
            return parameter.value;
    }
    return SES_SLICE_EMPTY;
}
