/* supervisor_takeover.h - going on with a server that another program has begun, in its process (program.h).
 *
 * Nothing is changed before everything is there: each descriptor stays open and inheritable, and shared memory
 * is only mapped. So what fails can go back: the program before is executed again and finds what it left.
 *
 *   the document's format, layouts    refused with "restart sessiond instead"
 *   configuration                     the text that the new program was tried with; back again: the old one
 *   descriptors, memory, children     all of them, or it is a damaged document
 *   -- from here on there is no way back --
 *   counters of another layout        new ones; workers of the program before count on in theirs
 *   rolling                           every process is replaced, one at a time, as by a reload
 */
#ifndef SESSIOND_SRC_RUNTIME_SUPERVISOR_TAKEOVER_H
#define SESSIOND_SRC_RUNTIME_SUPERVISOR_TAKEOVER_H

#include "program.h"
#include "supervisor.h"

/* [supervisor] Runs the server on until it is told to stop. Returns the exit code of the program. What cannot
 * be taken over goes back to the program before, and if there is none is the end. */
int ses_supervisor_take_over(const struct ses_options *options, const struct ses_takeover *takeover);
/* [supervisor] Could this program take over? Nothing is changed. ret_fault says why not. */
SES_MUST_CHECK enum ses_status ses_supervisor_try_takeover(const struct ses_options *options, int state,
                                                           struct ses_fault *ret_fault);
/* [supervisor] Says why, and executes the program before; returns if there is none. */
void ses_supervisor_go_back(const struct ses_takeover *takeover, const char *why);

#endif
