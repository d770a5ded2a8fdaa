/* return_form.h - what a browser brings to the return URL, in whatever form a bank's page sends it, as names
 * and values that are text.
 *
 *   application/x-www-form-urlencoded,   WHATWG URL, section 5.1: pairs split at '&', '+' is a space, %XX
 *   a query                              a byte; a '%' that begins no such triple stands for itself
 *   multipart/form-data                  RFC 7578; a file's content is its value
 *   text/plain                           HTML, section 4.10.21.8: a line a pair; if it is no such lines, as
 *                                        the first row
 *   an object of JSON, whatever the      its members; what is no string as JSON
 *   type says
 *   anything else                        one value, named "body"
 *
 * Nothing is refused for its bytes. What is UTF-8 stays byte for byte; what is not, or is told to be
 * ISO-8859-1, is read as windows-1252 (WHATWG Encoding: the same label); of another charset every byte that
 * is no UTF-8 becomes U+FFFD. So does NUL.
 */
#ifndef SESSIOND_SRC_METHOD_RETURN_FORM_H
#define SESSIOND_SRC_METHOD_RETURN_FORM_H

#include <sessiond/base/arena.h>

#include "step_return.h"

enum ses_charset { SES_CHARSET_NONE, SES_CHARSET_LATIN, SES_CHARSET_OTHER };

/* Parameters in their order, being gathered. */
struct ses_return_form {
    struct ses_arena *arena;
    enum ses_charset charset;
    struct ses_return_parameter *parameters; /* room for SES_RETURN_PARAMETERS_MAX */
    size_t count;
    size_t bytes; /* of names and values */
};

/* [any] SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_return_form_init(struct ses_return_form *form, struct ses_arena *arena,
                                                    enum ses_charset charset);
/* [any] One more, made text. SES_TOO_LARGE: more of them, longer names or more bytes than step_return.h allows. */
SES_MUST_CHECK enum ses_status ses_return_form_add(struct ses_return_form *form, struct ses_slice name,
                                                   struct ses_slice value);
/* [any] A query or a urlencoded form. SES_TOO_LARGE, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_return_form_parse(struct ses_return_form *form, struct ses_slice text);
/* [any] A body of that content-type, whatever it is. SES_TOO_LARGE, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_return_form_body(struct ses_return_form *form,
                                                    struct ses_slice content_type, struct ses_slice body);
/* [any] The charset that a content-type tells. */
enum ses_charset ses_return_form_charset(struct ses_slice content_type);

/* return_multipart.c: false, nothing is added: not in that form. */
bool ses_return_multipart(struct ses_return_form *form, struct ses_slice boundary, struct ses_slice body,
                          enum ses_status *ret_status);
/* return_json.c: the same for an object of JSON. */
bool ses_return_json(struct ses_return_form *form, struct ses_slice body, enum ses_status *ret_status);

#endif
