/* refusal_text.h - the sentences in which the doors refuse: one fault, one sentence, whatever the protocol and
 * the HTTP version it came by.
 *
 * A sentence that two protocols need is here; one that only one of them can ever say stands where it is said. They
 * are literals without characters that JSON or a header would have to escape, because some are written without the
 * memory for that.
 */
#ifndef SESSIOND_SRC_HTTP_REFUSAL_TEXT_H
#define SESSIOND_SRC_HTTP_REFUSAL_TEXT_H

/* ---- the head */
#define SES_SAYS_HEADERS_TOO_LARGE "the request headers are too large (limits.header_kib)"
#define SES_SAYS_TOO_MANY_HEADERS  "the request has too many headers (limits.headers)"
#define SES_SAYS_URL_TOO_LONG      "the URL is too long: its query may have 16384 bytes, POST takes more"
#define SES_SAYS_HTTP_METHOD       "HTTP method not allowed here"
#define SES_SAYS_MEDIA_TYPE                                                                                  \
    "content-type must be application/json or application/proto, or of gRPC, gRPC-Web or a Connect stream "  \
    "with +proto or +json"
#define SES_SAYS_UNKNOWN_METHOD "unknown method"
#define SES_SAYS_ENCODING       "the compression must be gzip or identity"
#define SES_SAYS_TIMEOUT                                                                                     \
    "malformed timeout: connect-timeout-ms takes at most 10 digits, grpc-timeout at most 8 and a unit"

/* ---- its message */
#define SES_SAYS_TOO_LARGE          "the request is larger than may be sent (limits.body_kib)"
#define SES_SAYS_TOO_LARGE_UNPACKED "the request is larger than may be sent (limits.body_kib) when unpacked"
#define SES_SAYS_NO_GZIP            "the request is not valid gzip"
#define SES_SAYS_NO_MEMORY          "the request needs more memory than one request may use"
#define SES_SAYS_NO_MESSAGE         "no request message on a call that takes one"
#define SES_SAYS_TWO_MESSAGES       "more than one request message on a call that takes one"
#define SES_SAYS_FLAGS              "malformed message prefix"
#define SES_SAYS_CUT_MESSAGE        "the request ended inside a message"
#define SES_SAYS_NOT_COMPRESSED     "a compressed message in a request that names no compression"

/* ---- time and room */
#define SES_SAYS_DEADLINE        "the deadline has passed"
#define SES_SAYS_DEADLINE_BEFORE "the deadline had passed before the call began"
#define SES_SAYS_LATE            "the request did not come in time (limits.body_ms)"
#define SES_SAYS_TOO_MANY        "too many requests in progress (limits.exchanges)"
#define SES_SAYS_UNFINISHED      "too many unfinished requests on this connection (limits.connection_held_kib)"
#define SES_SAYS_UNREAD          "this connection leaves too many answers unread (limits.connection_held_kib)"
#define SES_SAYS_OUT_OF_MEMORY   "out of memory"

/* ---- the life of a stream */
#define SES_SAYS_STREAM_OVER           "the stream has lasted as long as one may: call again"
#define SES_SAYS_CONNECTION_ENDS       "this connection is closing: call again"
#define SES_SAYS_SLOW_READER           "the client reads the stream too slowly"
#define SES_SAYS_TOO_MANY_STREAMS      "too many streams of this kind are open"
#define SES_SAYS_TOO_MANY_STREAMS_HERE "too many streams of this kind on one connection"

#endif
