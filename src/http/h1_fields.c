/* A head as it was read: target and fields, as views into the text that h1_parse.c gathers. */
#include "h1.h"

size_t ses_h1_fields_count(const struct h1 *h1)
{
    return h1->spans.len / sizeof(struct h1_span);
}

/* By memcpy: the buffer is bytes, without a type or alignment. */
static struct h1_span span_at(const struct h1 *h1, size_t index)
{
    struct h1_span span;

    memcpy(&span, h1->spans.data + index * sizeof(span), sizeof(span));
    return span;
}

struct ses_slice ses_h1_field_name(const struct h1 *h1, size_t index)
{
    struct h1_span span = span_at(h1, index);

    return ses_slice(h1->text.data + span.name_at, span.name_len);
}

/* White space around a value is not part of it (RFC 9110, section 5.5). */
struct ses_slice ses_h1_field_value(const struct h1 *h1, size_t index)
{
    struct h1_span span = span_at(h1, index);

    return ses_slice_trim(ses_slice(h1->text.data + span.value_at, span.value_len));
}

struct ses_slice ses_h1_path(const struct h1 *h1)
{
    if (h1->target.name_len == 0)
        return SES_STR("/"); /* http://host or http://host?query */
    return ses_slice(h1->text.data + h1->target.name_at, h1->target.name_len);
}

struct ses_slice ses_h1_query(const struct h1 *h1)
{
    return ses_slice(h1->text.data + h1->target.value_at, h1->target.value_len);
}

/* Everything is copied into the exchange's arena: it may outlive the head's buffers, and the connection. */
enum ses_status ses_h1_fill(struct h1 *h1, struct ses_exchange *x)
{
    struct ses_slice peer = ses_slice_str(ses_conn_peer(h1->conn)->text);

    x->http_method = ses_slice_str(llhttp_method_name((llhttp_method_t)h1->parser.method));
    SES_TRY(ses_arena_copy(&x->arena, ses_h1_path(h1), &x->path));
    SES_TRY(ses_arena_copy(&x->arena, ses_h1_query(h1), &x->query));
    x->peer = ses_arena_str(&x->arena, peer);
    if (x->peer == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < h1->trailers_from; i++)
        SES_TRY(ses_exchange_add_header(x, ses_h1_field_name(h1, i), ses_h1_field_value(h1, i)));
    ses_exchange_settle_request_id(x);
    x->stream = h1;
    return SES_OK;
}
