/* admin_copy.h - rows from one server to another by COPY, without looking at them.
 *
 * Nothing is kept but what libpq has in its buffers, and that is little.
 */
#ifndef SESSIOND_STORE_ADMIN_COPY_H
#define SESSIOND_STORE_ADMIN_COPY_H

#include "admin.h"

/* [any] read is "COPY (..) TO STDOUT ..", write are statements with "COPY .. FROM STDIN .." among them, in one format; they end when
 * all rows are there. Not later than deadline_ms (ses_clock_mono_ms), and a second more where the source's connection can be kept
 * by it. A connection that is left in the middle of something is closed (conn is NULL). ret_rows: as many were written as
 * read. SES_UNAVAILABLE: not in time, or a connection is lost, or the target's answer came with a warning. SES_IO: a server
 * refused; the fault has its words. */
SES_MUST_CHECK enum ses_status ses_pg_admin_copy(struct pg_admin *from, const char *read, struct pg_admin *to,
                                                 const char *write, uint64_t deadline_ms,
                                                 struct ses_fault *fault, uint64_t *ret_rows);

#endif
