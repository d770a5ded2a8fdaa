/* parameter.h - a header's value that is one word with parameters: word;name=token;name="quoted string" (RFC 9110
 * sections 5.6.4 and 5.6.6; Forwarded has the parameters alone, RFC 7239 section 4).
 */
#ifndef SESSIOND_BASE_PARAMETER_H
#define SESSIOND_BASE_PARAMETER_H

#include <sessiond/base/slice.h>

struct ses_parameter {
    struct ses_slice name;  /* of any case: compare it by ses_slice_ieq */
    struct ses_slice value; /* without the quotes around it */
};

/* [any] The word before the parameters; they are what is left in rest. */
struct ses_slice ses_parameter_take_word(struct ses_slice *rest);

/* [any] The next parameter; false: rest is used up. Blanks around name and value belong to neither. A ';' within
 * quotes separates nothing, a quote behind a backslash ends none, and quotes that nothing ends take all that is left.
 *
 * Only quotes around a whole value are taken off, and quoted pairs stay as they are written: nothing that is asked for
 * has a character that needs one (an address, a label of a character set, a boundary; browsers write %22 for a quote
 * in the name of a field), and undoing them would take memory. */
bool ses_parameter_take(struct ses_slice *rest, struct ses_parameter *ret_parameter);

/* [any] The value of the first parameter of that name; empty: there is none, or it is empty. */
struct ses_slice ses_parameter_find(struct ses_slice parameters, struct ses_slice name);

#endif
