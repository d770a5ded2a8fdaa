/* Seconds, a point, up to nine digits, and an "s"; one sign for both parts (google/protobuf/duration.proto). */
#include "codec_json_duration.h"

#include <inttypes.h>
#include <stdio.h>

#include <google/protobuf/duration.pb-c.h>

#define SECONDS_MAX     UINT64_C(315576000000) /* 10,000 years */
#define FRACTION_DIGITS 9
#define NANOS_MAX       999999999u

/* Digits behind the point as nanoseconds; none is zero. */
static bool read_fraction(struct ses_slice digits, uint64_t *ret_nanos)
{
    if (digits.len == 0 || digits.len > FRACTION_DIGITS ||
        ses_parse_u64(digits, NANOS_MAX, ret_nanos) != SES_OK)
        return false;
    for (size_t i = digits.len; i < FRACTION_DIGITS; i++)
        *ret_nanos *= 10;
    return true;
}

const char *ses_json_duration_read(struct ses_slice text, ProtobufCMessage *message)
{
    static const char wrong[] = "must be seconds with up to nine digits behind the point and an \"s\"";
    bool negative = text.len > 0 && text.data[0] == '-';
    Google__Protobuf__Duration duration;
    uint64_t seconds, nanos = 0;

    if (text.len < 2 || text.data[text.len - 1] != 's')
        return wrong;
    text = ses_slice_cut(text, negative ? 1 : 0, text.len - 1);
    size_t point = ses_slice_find(text, '.');

    if (ses_parse_u64(ses_slice_cut(text, 0, point), UINT64_MAX, &seconds) != SES_OK ||
        (point < text.len && !read_fraction(ses_slice_cut(text, point + 1, text.len), &nanos)))
        return wrong;
    if (seconds > SECONDS_MAX)
        return "is out of range";
    memcpy(&duration, message, sizeof(duration));
    duration.seconds = negative ? -(int64_t)seconds : (int64_t)seconds;
    duration.nanos = negative ? -(int32_t)nanos : (int32_t)nanos;
    memcpy(message, &duration, sizeof(duration));
    return NULL;
}

static bool is_writable(const Google__Protobuf__Duration *duration, uint64_t seconds, uint32_t nanos)
{
    bool two_signs =
        (duration->seconds < 0 && duration->nanos > 0) || (duration->seconds > 0 && duration->nanos < 0);

    return !two_signs && nanos <= NANOS_MAX && seconds <= SECONDS_MAX;
}

/* None, 3, 6 or 9 digits of the fraction. The magnitude is written, the sign in front, so that half a second below zero
 * keeps it. */
void ses_json_duration_write(struct ses_json *json, const ProtobufCMessage *message)
{
    Google__Protobuf__Duration duration;
    int digits = FRACTION_DIGITS, len;
    char text[48];

    memcpy(&duration, message, sizeof(duration));
    bool negative = duration.seconds < 0 || duration.nanos < 0;
    uint64_t seconds = duration.seconds < 0 ? 0u - (uint64_t)duration.seconds : (uint64_t)duration.seconds;
    uint32_t fraction = duration.nanos < 0 ? 0u - (uint32_t)duration.nanos : (uint32_t)duration.nanos;

    if (!is_writable(&duration, seconds, fraction)) {
        json->unwritable = true;
        return;
    }
    for (; digits > 0 && fraction % 1000 == 0; digits -= 3)
        fraction /= 1000;
    len = snprintf(text, sizeof(text), "%s%" PRIu64, negative ? "-" : "", seconds);
    if (digits > 0)
        len += snprintf(text + len, sizeof(text) - (size_t)len, ".%0*" PRIu32, digits, fraction);
    text[len++] = 's';
    ses_json_write_text(json, ses_slice(text, (size_t)len));
}
