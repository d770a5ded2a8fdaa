/* h2_limits.h - limits of the HTTP/2 engine that are not the operator's to choose. */
#ifndef SESSIOND_SRC_HTTP_H2_LIMITS_H
#define SESSIOND_SRC_HTTP_H2_LIMITS_H

#include "engine.h"

/* Connection window: 1 MiB lets 10 streams of the default message size upload without a round trip per 64
 * KiB. */
#define SES_H2_CONNECTION_WINDOW (1 << 20)
/* Stream window: one whole message of the default limit and its prefix; never below the protocol's
 * default. */
#define SES_H2_STREAM_WINDOW_MAX (1 << 20)
/* What a stream is counted for beside its bytes, as measured: while its request is not whole (an exchange,
 * the first piece of its arena, nghttp2's part), and while nothing but its answer is left. */
#define SES_H2_INCOMPLETE_BYTES 4608
#define SES_H2_WAITING_BYTES    1280
/* So many answers given in a turn are written before more is read. */
#define SES_H2_FLUSH_ANSWERS 64
/* Less than this within write_stall_ms (or all that is left of an answer) is no progress. */
#define SES_H2_PROGRESS_BYTES 1024
/* An answered request that still comes is read for so long, so far, and so many of a connection at once; then
 * it is reset. */
#define SES_H2_LINGER_MS     1000
#define SES_H2_LINGER_BYTES  SES_MIB
#define SES_H2_LINGERING_MAX 128
/* Unsent bytes of one stream's replies: above HIGH a bidi stream's requests are not read, above MAX it is
 * ended. */
#define SES_H2_BACKLOG_HIGH (256 * SES_KIB)
#define SES_H2_BACKLOG_MAX  SES_HTTP_BACKLOG_MAX
/* A header block this many times above the limit ends the connection; up to it only the request is
 * refused. */
#define SES_H2_HEADER_EXCESS  8
#define SES_H2_RATE_WINDOW_MS 10000 /* of all "per 10 s" counts */
/* Control frames that each request allows for, above control_frames_max. */
#define SES_H2_CONTROL_PER_REQUEST 16
/* Client resets, token bucket: deadlines of a busy client expire in bursts, so above nghttp2's 1000 and 33 a
 * second. */
#define SES_H2_RESETS_BURST      2000
#define SES_H2_RESETS_PER_SECOND 200
/* Our HPACK encoder's table. Replies repeat about seven short fields (340 bytes by RFC 7541's count). */
#define SES_H2_DEFLATE_TABLE_BYTES 512
/* Of a reply's header block as nghttp2 estimates it, so that it fits one frame; ours are below 8 KiB. */
#define SES_H2_REPLY_HEADERS_MAX 16384
/* Draining: wait for the ping that follows the first GOAWAY, then for streams without end of their own. */
#define SES_H2_DRAIN_NOTICE_MS  500
#define SES_H2_DRAIN_PING       "leaving!" /* its 8 bytes: an answer to another ping says nothing of the GOAWAY */
#define SES_H2_DRAIN_STREAMS_MS 1000
/* Bidi streams open at once, of one worker. */
#define SES_H2_BIDI_MAX 512
/* How often the memory of connections gone quiet is looked through. */
#define SES_H2_SWEEP_MS   10000
#define SES_H2_PAGE_BYTES 4096
/* Recycled stream structs kept by a worker. */
#define SES_H2_STREAMS_KEEP 1024

#endif
