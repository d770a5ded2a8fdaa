/* right.h - the one right answer of a call, between what makes it (model_step.c) and what it is compared with. */
#ifndef SESSIOND_TESTS_MODEL_RIGHT_H
#define SESSIOND_TESTS_MODEL_RIGHT_H

#include "model.h"

/* What the call is answered; reason NULL: with the session as it is then. */
struct right {
    const char *reason;
    uint64_t number;
    int outcome;
    int http;
    bool token; /* one must come */
    bool replayed;
};

/* state: after the call. Finds out its session's id, if this answer is the first that names it. */
bool right_agrees(struct model_state *state, const struct model_call *call, const struct right *right);

#endif
