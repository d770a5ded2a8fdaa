/* callers_open.h - the callers that a configuration names: read by the supervisor, so that every worker of a generation
 * knows the same, also one that is started again after somebody has edited the file.
 */
#ifndef SESSIOND_SRC_RUNTIME_CALLERS_OPEN_H
#define SESSIOND_SRC_RUNTIME_CALLERS_OPEN_H

#include <sessiond/caller/withdrawn.h>

#include "board.h"
#include "layout.h"

/* [supervisor] *ret_callers NULL: nobody is asked who calls (config.callers is empty). A callers file in its usual
 * place that the configuration does not name is SES_FAILED_PRECONDITION: whoever has made one means it. Else as
 * ses_callers_load. */
SES_MUST_CHECK enum ses_status ses_callers_open(const struct ses_config *config,
                                                const struct ses_layout *layout,
                                                struct ses_callers **ret_callers,
                                                struct ses_fault *ret_fault);
/* [supervisor] Gives each its cell of the metrics: that of its name, or the last one where there is no more room. */
void ses_callers_place(struct ses_callers *callers, struct ses_board *board);
/* [supervisor] Who is asked, into the log. */
void ses_callers_tell(const struct ses_callers *callers, struct ses_log *log);

#endif
