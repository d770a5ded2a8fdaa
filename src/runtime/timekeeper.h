/* timekeeper.h - the data directory's own time (base/clock.h): fixed before the first fork, kept in
 * <data>/time/clock, and the world's clock watched for steps.
 *
 * At the start: the same boot of the machine as when the file was written: the base of before, so that
 * nothing that was done to the world's clock meanwhile counts. Another boot: what was told last, and what the
 * world's clock says has passed since; a clock that is behind what it said before says nothing. No file, or a
 * damaged one: the world's clock.
 */
#ifndef SESSIOND_SRC_RUNTIME_TIMEKEEPER_H
#define SESSIOND_SRC_RUNTIME_TIMEKEEPER_H

#include <sessiond/base/log.h>

#include <sessiond/base/fault.h>
#include "layout.h"

struct ses_timekeeper {
    const struct ses_layout *layout;
    struct ses_log *log;
    uint64_t looked_ms; /* monotonic */
    uint64_t kept_steps;
    bool follows; /* now is the world's: other machines share what is stored */
    bool former;  /* the supervisor's: <data>/clock is written too (base/clock_file.h) */
    bool failed;  /* told that the file cannot be written */
};

/* [supervisor] Before any fork, the data directory locked. A file that cannot be written is a warning. follows: nothing
 * goes on from before. */
SES_MUST_CHECK enum ses_status ses_timekeeper_start(struct ses_timekeeper *keeper,
                                                    const struct ses_layout *layout, struct ses_log *log,
                                                    bool follows, struct ses_fault *ret_fault);
/* [supervisor] Each turn; looks once a second whether the world's clock was set. mono_ms: monotonic. It
 * writes nothing: a disk that hangs must not hold the supervisor. */
void ses_timekeeper_tick(struct ses_timekeeper *keeper, uint64_t mono_ms);
/* [supervisor, housekeeper] Tells the file the present time; layout and log are set. */
void ses_timekeeper_keep(struct ses_timekeeper *keeper);
/* [housekeeper] The same when a step was noticed since. */
void ses_timekeeper_keep_steps(struct ses_timekeeper *keeper);

#endif
