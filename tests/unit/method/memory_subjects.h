/* memory_subjects.h - every method as one row: its call and what its answer must say. For test_no_memory.c,
 * which runs them with too little memory. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_MEMORY_SUBJECTS_H
#define SESSIOND_TESTS_UNIT_METHOD_MEMORY_SUBJECTS_H

#include "method/memory_calls.h"

#define ROOM_MAX (1u << 20) /* of an exchange's arena */

struct subject {
    const char *name;
    bool session; /* there is one */
    bool step;    /* it is in a step, and the answer a page */
    bool frame;   /* in RETURN_MODE_FRAME */
    bool early;   /* an event waits for it, and closes it */
    bool kept;    /* it is itself an event that waits */
    bool once;    /* a second call is refused: the first one's answer has a new token */
    bool stream;  /* the answer is the first message of a stream */
    make_fn *make;
    void (*expect)(const struct call *call);
};

#define SUBJECTS 24
extern const struct subject subjects[SUBJECTS];

/* Around a subject: how an early event comes, the session that takes it, and what is told of it then; what is
 * told of a return. */
extern const struct subject subject_keep, subject_taken, subject_applied, subject_returned;

#endif
