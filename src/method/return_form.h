/* return_form.h - what a browser brings to the return URL: a query string or a form, decoded and bounded.
 *
 * Format: application/x-www-form-urlencoded (WHATWG URL, section 5.1): pairs split at '&', '+' is a space,
 * %XX a byte, a '%' that begins no such pair stands for itself. Names must not be empty; names and values
 * must be UTF-8 without NUL (step.h).
 */
#ifndef SESSIOND_SRC_METHOD_RETURN_FORM_H
#define SESSIOND_SRC_METHOD_RETURN_FORM_H

#include "step.h"

/* [any] Parameters in their order, in the arena. SES_TOO_LARGE: more of them, longer names or more bytes than
 * step.h allows; SES_MALFORMED: an empty name, bytes that are not UTF-8, a NUL; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_return_form_parse(struct ses_slice text, struct ses_arena *arena,
                                                     struct ses_return_parameter **ret_parameters,
                                                     size_t *ret_count);
/* [any] Is this content-type a form's? Its charset, if it names one, is not looked at: what arrives must be
 * UTF-8 in any case. */
bool ses_return_form_type(struct ses_slice content_type);

#endif
