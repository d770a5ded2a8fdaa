/* return_mask.h - a bank's form is never refused for what stands in it, but card data in it goes no further:
 * it is overwritten by '*' before the return is judged, stored, shown or counted as the same. */
#ifndef SESSIOND_SRC_METHOD_RETURN_MASK_H
#define SESSIOND_SRC_METHOD_RETURN_MASK_H

#include <sessiond/base/arena.h>

#include "step_return.h"

/* [any] Names, values and the raw query; what is masked is copied into the arena, the rest stays as it came.
 * parameters are what->parameters, in their caller's memory. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_return_mask(struct ses_step_return *what,
                                               struct ses_return_parameter *parameters,
                                               struct ses_arena *arena);

#endif
