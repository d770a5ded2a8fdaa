/* h1_guard.h - line discipline of an HTTP/1.1 message head (RFC 9112 sections 2.2, 3, 5), in front of llhttp.
 *
 * llhttp 8.1.0, even compiled strict, takes obs-fold, bare LF, empty names, HTTP/0.9 and other forms that two
 * parsers in a row may read differently: the raw material of request smuggling. The guard sees every byte of
 * a head (or trailer section) before llhttp and lets through only the one form that cannot be misread. It
 * keeps no bytes, so it does not matter where the network has split them.
 *
 * Where a byte may stand; everything that has no arrow is refused:
 *
 *   REQUEST_START --CR--> EMPTY_CR --LF--> REQUEST_START          at most two empty lines
 *   REQUEST_START --> REQUEST_LINE --CR--> REQUEST_CR --LF--> FIELD_START
 *   FIELD_START --token--> NAME --':'--> VALUE --CR--> VALUE_CR --LF--> FIELD_START
 *   FIELD_START --CR--> END_CR --LF--> DONE
 */
#ifndef SESSIOND_SRC_HTTP_H1_GUARD_H
#define SESSIOND_SRC_HTTP_H1_GUARD_H

#include <sessiond/base/slice.h>
#include <sessiond/base/units.h>

/* Why a request is refused before it becomes an exchange. message: a literal. */
struct ses_h1_fault {
    int http_status; /* 0: none */
    const char *message;
};

struct ses_h1_guard {
    uint8_t state;
    uint8_t spaces;       /* in the request line */
    uint8_t empty_lines;  /* in front of the request line */
    uint8_t target_bytes; /* of the first few */
    bool other_target;    /* they are not those of the return URL */
    unsigned lines;       /* header lines */
    size_t line_bytes;    /* of the request line */
    size_t field_bytes;   /* of all header lines */
    unsigned lines_max;
    size_t field_bytes_max;
};

/* Banks answer by GET too, with messages of many thousand characters in the query: 16 KiB of it are taken. */
#define SES_H1_REQUEST_LINE_MAX (18 * SES_KIB)

/* A new head. */
void ses_h1_guard_init(struct ses_h1_guard *guard, unsigned lines_max, size_t field_bytes_max);
/* Is it known by now that the target belongs to the return URL (exchange/return_refusal.h)? */
bool ses_h1_guard_return_path(const struct ses_h1_guard *guard);
/* Goes on with header lines only: the trailer section of the same request; its limits are the head's, used up
 * so far. */
void ses_h1_guard_trailer(struct ses_h1_guard *guard);
/* Checks bytes up to the end of the head. ret_used: how many belong to it; ret_done: its last byte is among
 * them. Both are written also on a fault. */
struct ses_h1_fault ses_h1_guard_step(struct ses_h1_guard *guard, struct ses_slice bytes, size_t *ret_used,
                                      bool *ret_done);

#endif
