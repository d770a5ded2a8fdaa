/* status.h - the one error idiom of sessiond.
 *
 * Every function that can fail returns an enum ses_status and must be checked. This table alone maps a status
 * to the gRPC code (grpc/grpc: doc/statuscodes.md), to the HTTP status of the Connect protocol
 * (connectrpc.com/docs/protocol, "Error Codes") and to the HTTP status of the plain JSON routes.
 * Programmer errors do not return: SES_REQUIRE ends the process.
 */
#ifndef SESSIOND_BASE_STATUS_H
#define SESSIOND_BASE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

/*  name                grpc  connect route  connect's name for it */
#define SES_STATUS_TABLE(X)                                                                                  \
    X(OK, 0, 200, 200, "ok")                                                                                 \
    X(CANCELLED, 1, 499, 408, "canceled")                                                                    \
    X(UNKNOWN, 2, 500, 500, "unknown")                                                                       \
    X(INVALID_ARGUMENT, 3, 400, 400, "invalid_argument")                                                     \
    X(DEADLINE_EXCEEDED, 4, 504, 504, "deadline_exceeded")                                                   \
    X(NOT_FOUND, 5, 404, 404, "not_found")                                                                   \
    X(ALREADY_EXISTS, 6, 409, 409, "already_exists")                                                         \
    X(PERMISSION_DENIED, 7, 403, 403, "permission_denied")                                                   \
    X(RESOURCE_EXHAUSTED, 8, 429, 429, "resource_exhausted")                                                 \
    X(FAILED_PRECONDITION, 9, 400, 412, "failed_precondition")                                               \
    X(ABORTED, 10, 409, 409, "aborted")                                                                      \
    X(OUT_OF_RANGE, 11, 400, 416, "out_of_range")                                                            \
    X(UNIMPLEMENTED, 12, 501, 501, "unimplemented")                                                          \
    X(INTERNAL, 13, 500, 500, "internal")                                                                    \
    X(UNAVAILABLE, 14, 503, 503, "unavailable")                                                              \
    X(DATA_LOSS, 15, 500, 500, "data_loss")                                                                  \
    X(UNAUTHENTICATED, 16, 401, 401, "unauthenticated")                                                      \
    /* Local refinements: what a rank tells the next one; on the wire they are the code of their column. */  \
    X(BUSY, 10, 409, 409, "aborted")                 /* somebody else holds it just now, try again */        \
    X(CONFLICT, 10, 409, 409, "aborted")             /* compare-and-set lost: the value has moved on */      \
    X(NO_MEMORY, 8, 429, 429, "resource_exhausted")  /* allocation failed or an arena met its ceiling */     \
    X(FULL, 8, 429, 429, "resource_exhausted")       /* disk, map, table or quota is full */                 \
    X(OVER_SHARE, 8, 429, 429, "resource_exhausted") /* one owner's share of a common room is used up */     \
    X(TOO_LARGE, 8, 429, 429, "resource_exhausted")  /* input above its named maximum */                     \
    X(MALFORMED, 3, 400, 400, "invalid_argument")    /* bytes that do not parse */                           \
    X(EXPIRED, 9, 400, 412, "failed_precondition")   /* known, but its time is over */                       \
    X(IO, 14, 503, 503, "unavailable")               /* the system refused; errno or the log tells */        \
    X(PENDING, 13, 500, 500, "internal") /* not over yet: its end is told later; never on the wire */

enum ses_status {
#define SES_STATUS_ENUM(name, grpc, connect, route, text) SES_##name,
    SES_STATUS_TABLE(SES_STATUS_ENUM)
#undef SES_STATUS_ENUM
        SES_STATUS_COUNT
};

#define SES_MUST_CHECK __attribute__((warn_unused_result))

/* [any] The gRPC status code, 0..16. */
uint32_t ses_status_grpc(enum ses_status status);
/* [any] HTTP status for POST /<Service>/<Method> with JSON (Connect protocol). */
int ses_status_http_connect(enum ses_status status);
/* [any] HTTP status for the plain JSON routes such as /payments/create_session_token. */
int ses_status_http_route(enum ses_status status);
/* [any] Connect's code name, e.g. "invalid_argument"; static storage. */
const char *ses_status_connect_name(enum ses_status status);
/* [any] Our own name, e.g. "INVALID_ARGUMENT" or "CONFLICT", for logs; static storage. */
const char *ses_status_name(enum ses_status status);
/* [any] The gRPC name, e.g. "ABORTED" for SES_CONFLICT, for logs and metrics; static storage. */
const char *ses_status_grpc_name(uint32_t grpc_code);

/* Leaves the function with the status when it is not SES_OK. The only macro that hides a return. */
#define SES_TRY(expr)                                                                                        \
    do {                                                                                                     \
        enum ses_status ses_try_status_ = (expr);                                                            \
        if (ses_try_status_ != SES_OK)                                                                       \
            return ses_try_status_;                                                                          \
    } while (0)

_Noreturn void ses_require_failed(const char *expr, const char *file, int line);

/* Programmer errors only, always on: prints the place and aborts. Never for input. */
#define SES_REQUIRE(expr)                                                                                    \
    do {                                                                                                     \
        if (__builtin_expect(!(expr), 0))                                                                    \
            ses_require_failed(#expr, __FILE__, __LINE__);                                                   \
    } while (0)

/* Container of an embedded member. */
#define SES_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
