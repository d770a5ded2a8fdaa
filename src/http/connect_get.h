/* connect_get.h - a call of the Connect protocol by GET (connectrpc.com/docs/protocol, "Unary-Get-Request"): its message
 * stands in the query. Only of methods without side effects (exchange/route.h).
 *
 *   ?connect=v1&encoding=json&message=%7B%7D
 *   ?connect=v1&base64=1&compression=gzip&encoding=proto&message=H4sIAAAA...
 *
 * In any order; what is not named here is passed over, as caches and measuring tools add parameters of their own.
 */
#ifndef SESSIOND_SRC_HTTP_CONNECT_GET_H
#define SESSIOND_SRC_HTTP_CONNECT_GET_H

#include <sessiond/base/arena.h>
#include <sessiond/exchange/exchange.h>

/* Bytes of a query, before anything is decoded. */
#define SES_CONNECT_GET_QUERY_MAX 16384

struct ses_connect_get {
    struct ses_slice message; /* as it stands in the query */
    enum ses_encoding encoding;
    bool base64;
    bool packed; /* what the message is decoded to is gzip */
};

/* Why a GET is none; of several faults the first in this order. */
struct ses_connect_get_fault {
    int http_status; /* 0: the status's own in Connect */
    enum ses_status status;
    const char *message; /* a literal */
};

/* [any] Pure. False: ret_fault; nothing in the query was decoded yet. */
bool ses_connect_get_read(struct ses_slice query, struct ses_connect_get *ret_get,
                          struct ses_connect_get_fault *ret_fault);
/* [worker] The message's bytes, still packed if they are, in the arena. SES_MALFORMED: no percent-encoding, or no base64url
 * (padded or not). SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_connect_get_message(const struct ses_connect_get *get,
                                                       struct ses_arena *arena, struct ses_slice *ret_bytes);

#endif
