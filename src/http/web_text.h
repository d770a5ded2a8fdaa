/* web_text.h - base64 as gRPC-Web's text mode sends it (grpc/grpc-web: doc, "application/grpc-web-text"): the bytes of
 * a body in pieces, each encoded by itself, so that padding may stand anywhere between two groups of four characters.
 * Pure. */
#ifndef SESSIOND_SRC_HTTP_WEB_TEXT_H
#define SESSIOND_SRC_HTTP_WEB_TEXT_H

#include <sessiond/base/slice.h>

/* Zeroed at first: the characters of a group that is not whole. */
struct ses_web_text {
    uint8_t group[4];
    unsigned len;
};

/* [any] Takes characters from the front of *text until it is used up or no further group of four fits into room, which
 * is 3 at least; or until a group is broken, which is SES_MALFORMED in a call that begins with it. */
SES_MUST_CHECK enum ses_status ses_web_text_decode(struct ses_web_text *state, struct ses_slice *text,
                                                   uint8_t *ret_bytes, size_t room, size_t *ret_len);
/* A text that ends here ends within a group. */
bool ses_web_text_inside(const struct ses_web_text *state);

#endif
