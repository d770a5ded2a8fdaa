/* The two headers of the standard, read strictly: what is not exactly of its form is as if it had not come,
 * so that no span is ever hung under a parent that nobody meant. */
#include <sessiond/base/trace_context.h>

#include <stdio.h>

#include <sessiond/base/random.h>

/* Positions in "00-<32>-<16>-<2>". */
#define TRACE_AT 3u
#define SPAN_AT  36u
#define FLAGS_AT 53u
#define LENGTH   55u

#define FLAG_SAMPLED 0x01u

/* ---- traceparent ----------------------------------------------------------------------------- */

/* Capitals are malformed (section 3.2.2: "HEXDIGLC"). */
static bool read_hex(struct ses_slice header, size_t at, size_t bytes, uint8_t *ret_bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t high = header.data[at + 2 * i], low = header.data[at + 2 * i + 1];

        if (high >= 'A' && high <= 'F')
            return false;
        if (low >= 'A' && low <= 'F')
            return false;
        if (ses_hex_digit(high) < 0 || ses_hex_digit(low) < 0)
            return false;
        ret_bytes[i] = (uint8_t)(ses_hex_digit(high) << 4 | ses_hex_digit(low));
    }
    return true;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* Behind the flags of a later version may stand more, after a dash; version 00 ends there. */
static bool has_form(struct ses_slice header, uint8_t version)
{
    if (version == 0xff || header.data[2] != '-' || header.data[SPAN_AT - 1] != '-' ||
        header.data[FLAGS_AT - 1] != '-')
        return false;
    return header.len == LENGTH || (version > 0 && header.data[LENGTH] == '-');
}

enum ses_status ses_traceparent_decode(struct ses_slice header, struct ses_trace_context *ret_context)
{
    struct ses_trace_context context = {.present = true};
    uint8_t version = 0xff, flags = 0;

    if (header.len < LENGTH || !read_hex(header, 0, 1, &version) || !has_form(header, version) ||
        !read_hex(header, TRACE_AT, SES_TRACE_ID_BYTES, context.trace_id) ||
        !read_hex(header, SPAN_AT, SES_SPAN_ID_BYTES, context.parent_id) ||
        !read_hex(header, FLAGS_AT, 1, &flags) || is_zero(context.trace_id, SES_TRACE_ID_BYTES) ||
        is_zero(context.parent_id, SES_SPAN_ID_BYTES))
        return SES_MALFORMED;
    context.sampled = (flags & FLAG_SAMPLED) != 0;
    ses_span_id_new(context.span_id);
    *ret_context = context;
    return SES_OK;
}

/* Zeros are no id; that 64 random bits are all zero is not worth more than a loop. */
void ses_span_id_new(uint8_t ret_span_id[SES_SPAN_ID_BYTES])
{
    do
        ses_random_bytes(ret_span_id, SES_SPAN_ID_BYTES);
    while (is_zero(ret_span_id, SES_SPAN_ID_BYTES));
}

void ses_trace_begin(bool sampled, struct ses_trace_context *ret_context)
{
    *ret_context = (struct ses_trace_context){.present = true, .sampled = sampled};
    do
        ses_random_bytes(ret_context->trace_id, SES_TRACE_ID_BYTES);
    while (is_zero(ret_context->trace_id, SES_TRACE_ID_BYTES));
    ses_span_id_new(ret_context->span_id);
}

void ses_traceparent_encode(const struct ses_trace_context *context, const uint8_t span_id[SES_SPAN_ID_BYTES],
                            char ret_header[SES_TRACEPARENT_SIZE])
{
    char trace[SES_TRACE_ID_SIZE], span[SES_SPAN_ID_SIZE];

    (void)ses_hex_encode(ses_slice(context->trace_id, SES_TRACE_ID_BYTES), trace);
    (void)ses_hex_encode(ses_slice(span_id, SES_SPAN_ID_BYTES), span);
    (void)snprintf(ret_header, SES_TRACEPARENT_SIZE, "00-%s-%s-%s", trace, span,
                   context->sampled ? "01" : "00");
}

/* ---- tracestate ------------------------------------------------------------------------------ */

#define KEY_BYTES_MAX   256
#define VALUE_BYTES_MAX 256
#define LONG_MEMBER     128

static bool is_key_mark(uint8_t c)
{
    return c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
}

/* The key of Level 2, which holds those of Level 1 too: a later system's entry must not void everybody
 * else's. */
static bool is_key(struct ses_slice key)
{
    for (size_t i = 0; i < key.len; i++) {
        uint8_t c = key.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        if (!plain && (i == 0 || !is_key_mark(c)))
            return false;
    }
    return key.len > 0 && key.len <= KEY_BYTES_MAX;
}

/* Printable ASCII but comma and equals sign, no blank at the end. */
static bool is_value(struct ses_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < 0x20 || value.data[i] > 0x7e || value.data[i] == '=')
            return false;
    }
    return value.len > 0 && value.len <= VALUE_BYTES_MAX && value.data[value.len - 1] != ' ';
}

static struct ses_slice key_of(struct ses_slice member)
{
    return ses_slice_cut(member, 0, ses_slice_find(member, '='));
}

static bool is_known(const struct ses_tracestate *list, struct ses_slice key)
{
    for (size_t i = 0; i < list->count; i++) {
        if (ses_slice_eq(key_of(list->members[i]), key))
            return true;
    }
    return false;
}

/* Empty members are allowed, and nothing. */
static void add_member(struct ses_tracestate *list, struct ses_slice member)
{
    struct ses_slice key = key_of(member);

    if (member.len == 0)
        return;
    if (list->count == SES_TRACESTATE_MEMBERS_MAX || !is_key(key) ||
        !is_value(ses_slice_cut(member, key.len + 1, member.len)) || is_known(list, key))
        list->malformed = true;
    else
        list->members[list->count++] = member;
}

void ses_tracestate_add(struct ses_tracestate *list, struct ses_slice header)
{
    while (header.len > 0 && !list->malformed)
        add_member(list, ses_slice_trim(ses_slice_take_until(&header, ',')));
}

static void remove_member(struct ses_tracestate *list, size_t at)
{
    list->count--;
    memmove(&list->members[at], &list->members[at + 1], (list->count - at) * sizeof(list->members[0]));
}

static size_t encoded_bytes(const struct ses_tracestate *list)
{
    size_t bytes = list->count > 0 ? list->count - 1 : 0;

    for (size_t i = 0; i < list->count; i++)
        bytes += list->members[i].len;
    return bytes;
}

static size_t first_long(const struct ses_tracestate *list)
{
    size_t at = 0;

    while (at < list->count && list->members[at].len <= LONG_MEMBER)
        at++;
    return at < list->count ? at : list->count - 1;
}

size_t ses_tracestate_encode(struct ses_tracestate *list, char ret_header[SES_TRACESTATE_BYTES_MAX])
{
    size_t len = 0;

    if (list->malformed)
        return 0;
    while (encoded_bytes(list) > SES_TRACESTATE_BYTES_MAX)
        remove_member(list, first_long(list));
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            ret_header[len++] = ',';
        memcpy(ret_header + len, list->members[i].data, list->members[i].len);
        len += list->members[i].len;
    }
    return len;
}
