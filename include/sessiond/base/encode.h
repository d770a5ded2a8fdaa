/* encode.h - text forms of bytes: hex, base64, base64url without padding (RFC 4648), percent-encoding. */
#ifndef SESSIOND_BASE_ENCODE_H
#define SESSIOND_BASE_ENCODE_H

#include <sessiond/base/slice.h>

#define SES_HEX_SIZE(n)       (2 * (n) + 1)
#define SES_BASE64_SIZE(n)    (((n) + 2) / 3 * 4 + 1)
#define SES_BASE64URL_SIZE(n) SES_BASE64_SIZE(n)

/* Each writes a NUL-terminated text into ret_text, which has the SIZE above, and returns its length. */
size_t ses_hex_encode(struct ses_slice bytes, char *ret_text);
size_t ses_base64_encode(struct ses_slice bytes, char *ret_text);
size_t ses_base64url_encode(struct ses_slice bytes, char *ret_text);

/* 0 to 15, in either case; -1: no hexadecimal digit. */
int ses_hex_digit(uint8_t c);

/* RFC 3986 section 2.1: %XX with capitals into ret_text, three characters without a NUL; returns 3. */
size_t ses_percent_encode(uint8_t byte, uint8_t *ret_text);

/* Each decodes the whole text strictly (no white space; base64url without '='; unused bits zero) into
 * ret_bytes of room bytes. SES_MALFORMED, SES_TOO_LARGE. base64 accepts both padded and unpadded (gRPC -bin
 * metadata). */
SES_MUST_CHECK enum ses_status ses_hex_decode(struct ses_slice text, uint8_t *ret_bytes, size_t room,
                                              size_t *ret_len);
SES_MUST_CHECK enum ses_status ses_base64_decode(struct ses_slice text, uint8_t *ret_bytes, size_t room,
                                                 size_t *ret_len);
SES_MUST_CHECK enum ses_status ses_base64url_decode(struct ses_slice text, uint8_t *ret_bytes, size_t room,
                                                    size_t *ret_len);

#endif
