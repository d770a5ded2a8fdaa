/* What headers say of bodies: media types and encodings. */
#include "http_call.h"

#include <sessiond/base/parameter.h>

/* UTF-8 and what is part of it, by the labels that clients use (WHATWG Encoding 4.2 lists utf8 and
 * unicode-1-1-utf-8 too; RFC 8259 section 8.1 knows no charset at all). */
static bool is_utf8_label(struct ses_slice label)
{
    static const char *const labels[] = {"utf-8", "utf8", "unicode-1-1-utf-8", "us-ascii", "ascii"};

    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        if (ses_slice_ieq(label, ses_slice_str(labels[i])))
            return true;
    }
    return false;
}

/* A charset that is not UTF-8 would be decoded wrongly, so it is another type. */
bool ses_http_is_media_type(struct ses_slice content_type, const char *type)
{
    struct ses_parameter parameter;

    if (!ses_slice_ieq(ses_parameter_take_word(&content_type), ses_slice_str(type)))
        return false;
    while (ses_parameter_take(&content_type, &parameter)) {
        if (ses_slice_ieq(parameter.name, SES_STR("charset")) && !is_utf8_label(parameter.value))
            return false;
    }
    return true;
}

/* "q=0", "q=0.0", "q=0.000": not wanted. */
static bool is_zero_weight(struct ses_slice parameters)
{
    struct ses_slice weight = ses_parameter_find(parameters, SES_STR("q"));

    for (size_t i = 0; i < weight.len; i++) {
        if (weight.data[i] != '0' && weight.data[i] != '.')
            return false;
    }
    return weight.len > 0;
}

/* Its older name is to be taken for the same (RFC 9110 section 8.4.1.3). */
bool ses_http_is_gzip(struct ses_slice coding)
{
    return ses_slice_ieq(coding, SES_STR("gzip")) || ses_slice_ieq(coding, SES_STR("x-gzip"));
}

/* "*" is not read as gzip: an answer in plain text is always right. */
bool ses_http_accepts_gzip(struct ses_slice accept_encoding)
{
    while (accept_encoding.len > 0) {
        struct ses_slice parameters = ses_slice_take_until(&accept_encoding, ',');

        if (ses_http_is_gzip(ses_parameter_take_word(&parameters)))
            return !is_zero_weight(parameters);
    }
    return false;
}
