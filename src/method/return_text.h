/* return_text.h - bytes of an unknown page as UTF-8 text. */
#ifndef SESSIOND_SRC_METHOD_RETURN_TEXT_H
#define SESSIOND_SRC_METHOD_RETURN_TEXT_H

#include "return_form.h"

/* [any] As return_form.h says; bytes themselves when they are text already, else in the arena.
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_return_text(struct ses_slice bytes, enum ses_charset charset,
                                               struct ses_arena *arena, struct ses_slice *ret_text);
/* [any] A raw query with every byte that may not stand in a URL written as %XX. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_return_query(struct ses_slice query, struct ses_arena *arena,
                                                struct ses_slice *ret_query);

#endif
