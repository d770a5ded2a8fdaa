/* status_table.h - two looks at a running server's /status.json (src/runtime/status_json.h) as a screenful of text: what has
 * happened between them, by the second. Pure: no terminal, no clock.
 */
#ifndef SESSIOND_SRC_CTL_STATUS_TABLE_H
#define SESSIOND_SRC_CTL_STATUS_TABLE_H

#include <jansson.h>

#include "grid.h"

/* before: an older look at the same server, or NULL (or of a server that was started anew since): no rates then. What the
 * server has not told is left out or a dash. SES_NO_MEMORY, SES_TOO_LARGE. */
SES_MUST_CHECK enum ses_status ctl_status_table(const json_t *now, const json_t *before,
                                                const struct ctl_look *look, struct ses_buf *out);

/* Of what a histogram [index, count, ..] has got since before (NULL: in all): the upper bound of the bucket in which the
 * q-th part lies, in ms; negative where nothing came. */
double ctl_status_quantile_ms(const json_t *now, const json_t *before, double q);

#endif
