/* An answer in chunks (RFC 9112 section 7.1), of a call whose request is whole. The last chunk tells that the answer is,
 * too; a client of HTTP/1.0 has no chunks: its answer ends with the connection, and what stands in the pieces tells
 * (envelope.h). */
#include "h1.h"

/* A chunk's length and its line breaks. */
#define CHUNK_OVERHEAD 24u

static bool is_chunked(const struct h1 *h1)
{
    return h1->parser.http_minor != 0;
}

static enum ses_status append_head(struct h1 *h1, int http_status, const struct ses_header *headers,
                                   size_t headers_count)
{
    SES_TRY(ses_h1_answer_head(h1, http_status, headers, headers_count));
    if (is_chunked(h1))
        SES_TRY(ses_buf_append(&h1->out, SES_STR("transfer-encoding: chunked\r\n")));
    if (!h1->keep_alive)
        SES_TRY(ses_buf_append(&h1->out, SES_STR("connection: close\r\n")));
    return ses_buf_append(&h1->out, SES_STR("\r\n"));
}

void ses_h1_pieces_begin(void *opaque, int http_status, const struct ses_header *headers,
                         size_t headers_count)
{
    struct h1 *h1 = opaque;

    SES_REQUIRE(h1->phase == H1_RUNNING);
    if (h1->draining || !is_chunked(h1))
        h1->keep_alive = false;
    if (append_head(h1, http_status, headers, headers_count) != SES_OK)
        ses_conn_cut(h1->conn);
}

static enum ses_status append_chunk(struct h1 *h1, struct ses_slice bytes)
{
    SES_TRY(ses_buf_reserve(&h1->out, bytes.len + CHUNK_OVERHEAD));
    if (is_chunked(h1))
        SES_TRY(ses_buf_appendf(&h1->out, "%zx\r\n", bytes.len));
    SES_TRY(ses_buf_append(&h1->out, bytes));
    return is_chunked(h1) ? ses_buf_append(&h1->out, SES_STR("\r\n")) : SES_OK;
}

/* By what out has room for, and not by what waits: it gives its room back when all of it is taken. */
bool ses_h1_pieces_add(void *opaque, struct ses_slice bytes, bool last)
{
    struct h1 *h1 = opaque;
    size_t max = h1->out.max - CHUNK_OVERHEAD - (last ? 0 : SES_HTTP_END_ROOM);

    if (bytes.len > max || h1->out.len > max - bytes.len || append_chunk(h1, bytes) != SES_OK)
        return false;
    ses_h1_tell_held(h1);
    ses_conn_want_write(h1->conn);
    return true;
}

enum ses_status ses_h1_pieces_last(struct h1 *h1)
{
    return is_chunked(h1) ? ses_buf_append(&h1->out, SES_STR("0\r\n\r\n")) : SES_OK;
}

size_t ses_h1_pieces_backlog(const void *h1)
{
    return ses_h1_backlog(h1);
}

/* One at a time: a connection has no more than this one. */
bool ses_h1_pieces_admit(void *h1)
{
    (void)h1;
    return true;
}
