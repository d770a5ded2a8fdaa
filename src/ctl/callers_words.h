/* callers_words.h - the options of the callers commands as the parts of a caller. */
#ifndef SESSIOND_SRC_CTL_CALLERS_WORDS_H
#define SESSIOND_SRC_CTL_CALLERS_WORDS_H

#include <sessiond/base/arena.h>
#include <sessiond/caller/callers.h>

#include "ctl.h"

/* The caller that the options of `callers add` describe, without keys; its arrays are in arena. False after saying what
 * is wrong. */
bool ctl_caller_read(const struct ctl *ctl, struct ses_arena *arena, struct ses_caller *ret_caller);
/* --expires; 0 where it is not given. False after saying what is wrong. */
bool ctl_caller_expires(const struct ctl *ctl, uint64_t *ret_seconds);
/* --callers, as a path. */
bool ctl_callers_path(const struct ctl *ctl, char ret_path[CTL_PATH_SIZE]);

#endif
