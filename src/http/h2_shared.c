/* What all HTTP/2 connections of a worker have in common, and the options that bound nghttp2 where we
 * could only look on. */
#include "h2_alloc.h"

#include <stdlib.h>

static enum ses_status make_option(struct ses_h2_shared *shared)
{
    if (nghttp2_option_new(&shared->option) != 0)
        return SES_NO_MEMORY;
    nghttp2_option *option = shared->option;

    /* Windows are given back by us: a bidi stream whose replies pile up is not read (grpc.c). */
    nghttp2_option_set_no_auto_window_update(option, 1);
    /* Closed streams are kept for a priority tree nobody needs: up to streams_max * 250 bytes a
     * connection. */
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, SES_H2_DEFLATE_TABLE_BYTES);
    /* Entries of one SETTINGS frame; RFC 9113 defines six. */
    nghttp2_option_set_max_settings(option, 16);
    nghttp2_option_set_stream_reset_rate_limit(option, SES_H2_RESETS_BURST, SES_H2_RESETS_PER_SECOND);
    nghttp2_option_set_max_send_header_block_length(option, SES_H2_REPLY_HEADERS_MAX);
    /* A header list of header_bytes_max (32 KiB) needs three frames of the 16 KiB we allow. */
    nghttp2_option_set_max_continuations(option, 8);
    return SES_OK;
}

enum ses_status ses_h2_shared_new(struct ses_doors *doors, struct ses_h2_shared **ret_shared)
{
    struct ses_h2_shared *shared = calloc(1, sizeof *shared);

    if (shared == NULL)
        return SES_NO_MEMORY;
    shared->doors = doors;
    if (nghttp2_session_callbacks_new(&shared->callbacks) != 0 || make_option(shared) != SES_OK ||
        ses_h2_alloc_new(doors->options.timers, &shared->memory, &shared->alloc) != SES_OK) {
        ses_h2_shared_free(shared);
        return SES_NO_MEMORY;
    }
    ses_h2_recv_callbacks(shared->callbacks);
    ses_h2_send_callbacks(shared->callbacks);
    *ret_shared = shared;
    return SES_OK;
}

/* Recycled structs are only memory: whatever they held was given back at their stream's end. */
void ses_h2_shared_rest(struct ses_h2_shared *shared)
{
    while (shared->streams_free != NULL) {
        struct ses_h2_stream *stream = shared->streams_free;

        shared->streams_free = stream->next_free;
        free(stream);
    }
    shared->streams_free_count = 0;
    if (shared->alloc != NULL)
        ses_h2_alloc_rest(shared->alloc);
}

/* Behind the last engine. */
void ses_h2_shared_free(struct ses_h2_shared *shared)
{
    if (shared == NULL)
        return;
    ses_h2_shared_rest(shared);
    nghttp2_session_callbacks_del(shared->callbacks);
    nghttp2_option_del(shared->option);
    ses_h2_alloc_free(shared->alloc);
    free(shared);
}
