/* Answers as bytes, whole ones: with a length, never chunked, so that a client can always tell a
 * cut one. */
#include "h1.h"

#include <stdio.h>

#include <sessiond/exchange/return_refusal.h>

#define STATUS_LINE_MAX 96
#define REFUSAL_MAX     256

static enum ses_status append_header(struct ses_buf *out, struct ses_slice name, struct ses_slice value)
{
    SES_TRY(ses_buf_append(out, name));
    SES_TRY(ses_buf_append(out, SES_STR(": ")));
    SES_TRY(ses_buf_append(out, value));
    return ses_buf_append(out, SES_STR("\r\n"));
}

static enum ses_status append_status_line(struct ses_buf *out, int http_status)
{
    char line[STATUS_LINE_MAX];
    int len;

    if (http_status == 200)
        return ses_buf_append(out, SES_STR("HTTP/1.1 200 OK\r\n"));
    len = snprintf(line, sizeof(line), "HTTP/1.1 %d %s\r\n", http_status, ses_http_reason(http_status));
    return ses_buf_append(out, ses_slice(line, (size_t)len));
}

/* RFC 9110 section 8.6: none with 204. */
static enum ses_status append_length(struct ses_buf *out, int http_status, size_t body_bytes)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%zu", body_bytes);

    if (http_status == 204)
        return SES_OK;
    return append_header(out, SES_STR("content-length"), ses_slice(digits, (size_t)len));
}

enum ses_status ses_h1_answer_head(struct h1 *h1, int http_status, const struct ses_header *headers,
                                   size_t headers_count)
{
    SES_TRY(append_status_line(&h1->out, http_status));
    for (size_t i = 0; i < headers_count; i++)
        SES_TRY(append_header(&h1->out, headers[i].name, headers[i].value));
    return SES_OK;
}

/* A client of HTTP/1.0 keeps the connection only if it is told so; of HTTP/1.1 that is the default.
 * HEAD, 204 and 304 have no body, whatever their headers say. */
enum ses_status ses_h1_answer(struct h1 *h1, int http_status, const struct ses_header *headers,
                              size_t headers_count, struct ses_slice body)
{
    struct ses_buf *out = &h1->out;

    SES_TRY(ses_h1_answer_head(h1, http_status, headers, headers_count));
    SES_TRY(append_length(out, http_status, body.len));
    if (!h1->keep_alive)
        SES_TRY(ses_buf_append(out, SES_STR("connection: close\r\n")));
    else if (h1->parser.http_minor == 0)
        SES_TRY(ses_buf_append(out, SES_STR("connection: keep-alive\r\n")));
    SES_TRY(ses_buf_append(out, SES_STR("\r\n")));
    if (h1->head_method || http_status == 204 || http_status == 304)
        return SES_OK;
    return ses_buf_append(out, body);
}

static enum ses_status answer_page(struct h1 *h1, int http_status)
{
    struct ses_header headers[3 + SES_RETURN_PAGE_HEADERS_MAX] = {
        {SES_STR("content-type"), SES_STR(SES_RETURN_PAGE_TYPE)},
        {SES_STR("date"), ses_doors_date(h1->doors)},
    };
    size_t count = 2 + SES_RETURN_PAGE_HEADERS_MAX;

    memcpy(headers + 2, ses_return_page_headers(), SES_RETURN_PAGE_HEADERS_MAX * sizeof(headers[0]));
    if (h1->doors->options.server_name != NULL)
        headers[count++] =
            (struct ses_header){SES_STR("server"), ses_slice_str(h1->doors->options.server_name)};
    return ses_h1_answer(h1, http_status, headers, count, ses_return_refusal_body(http_status));
}

/* By as much of the target as has come; in absolute form it begins with "http://", and is taken for a plain one. */
static bool is_rpc(const struct h1 *h1)
{
    struct ses_slice target = ses_slice_cut(ses_buf_view(&h1->text), 0, h1->target_len);

    return ses_http_is_rpc_path(ses_slice_cut(target, 0, ses_slice_find(target, '?')));
}

/* At the return URL a refusal is a page for the shopper (exchange/return_refusal.h). Called without an
 * exchange: its memory is on the stack. */
enum ses_status ses_h1_answer_refusal(struct h1 *h1, struct ses_h1_fault fault)
{
    const char *server = h1->doors->options.server_name;
    char body[REFUSAL_MAX];
    size_t len;

    if (ses_h1_guard_return_path(&h1->guard))
        return answer_page(h1, fault.http_status);
    len = ses_http_refusal_body(is_rpc(h1), fault.http_status, ses_slice_str(fault.message), body,
                                sizeof(body));
    struct ses_header headers[] = {
        {SES_STR("content-type"), SES_STR("application/json")},
        {SES_STR("date"), ses_doors_date(h1->doors)},
        {SES_STR("server"), ses_slice_str(server)},
    };

    return ses_h1_answer(h1, fault.http_status, headers, server != NULL ? 3 : 2, ses_slice(body, len));
}
