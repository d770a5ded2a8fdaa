/* own_write.h - a call that its own success would have refused: it fences the token it came with, or expects
 * the version that it passed. The very same call is answered once more (ses_session.written_by), nothing else
 * is. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_OWN_WRITE_H
#define SESSIOND_TESTS_UNIT_METHOD_OWN_WRITE_H

#include "method/session_calls.h"

struct own_write {
    /* The call, with that token. */
    struct call *(*start)(struct core *core, const char *token);
    /* One of the same method that is not the same bytes. */
    struct call *(*start_other)(struct core *core, const char *token);
    /* Of the success; again: not for the first time. */
    void (*expect)(struct call *call, bool again);
    uint64_t pass_ms; /* behind the success: the token before is accepted for so long */
    enum ses_status status;
    const char *reason; /* told to whoever is not the same */
};

/* The call, and it again, as often as it comes: nothing is written any more. */
void own_write_is_answered_again(struct core *core, const char *token, const struct own_write *write);
/* The call, and then who is not the same: another body; another token of the same generation; itself, when
 * something else was written since. */
void own_write_is_nobody_elses(struct core *core, const char *token, const struct own_write *write);

#endif
