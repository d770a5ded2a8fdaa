/* withdrawn.h - what a reload has taken away from callers, told to the workers that still have it: one that waits for its
 * replacement, for minutes maybe while another finishes its calls, must not go on taking a key that leaked.
 *
 * A ring in memory that all processes share, written by the supervisor alone. Each worker strikes out, in its own copy of
 * the callers, what has been added since the copy was made. One that has fallen behind by the whole ring strikes out
 * everybody. What was narrowed (rights, merchants) is no part of it: that comes with the replacement.
 */
#ifndef SESSIOND_CALLER_WITHDRAWN_H
#define SESSIOND_CALLER_WITHDRAWN_H

#include <sessiond/caller/callers.h>

#define SES_WITHDRAWN_MAX 65536u

struct ses_withdrawn;

#define SES_WITHDRAWN_LAYOUT 1 /* raised when what lies in the ring means something else */

/* [supervisor] Before any fork; the descriptor is the caller's, for a program that takes over. SES_NO_MEMORY,
 * SES_IO (errno). */
SES_MUST_CHECK enum ses_status ses_withdrawn_new(int *ret_fd, struct ses_withdrawn **ret_withdrawn);
/* [supervisor] The ring that another program of the same layout has made. SES_FAILED_PRECONDITION: it is none;
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_withdrawn_attach(int fd, struct ses_withdrawn **ret_withdrawn);
void ses_withdrawn_free(struct ses_withdrawn *withdrawn);
/* [supervisor] Callers, keys and certificates that open in old and not in fresh. fresh NULL: nobody is asked any more,
 * nothing is taken away. */
void ses_withdrawn_add(struct ses_withdrawn *withdrawn, const struct ses_callers *old,
                       const struct ses_callers *fresh);
/* [supervisor] These callers will follow what is added from now on. */
void ses_callers_watch(struct ses_callers *callers, const struct ses_withdrawn *withdrawn);
/* [worker] Before each question: strikes out what has been added. CPU: one load where there is nothing. */
void ses_callers_follow(struct ses_callers *callers);

#endif
