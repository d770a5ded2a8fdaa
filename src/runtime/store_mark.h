/* store_mark.h - which store has the sessions of a data directory, written down in DIR/store: so that no start looks for
 * them in the wrong one. A directory of a version before has none; then it is LMDB if there are shards.
 */
#ifndef SESSIOND_SRC_RUNTIME_STORE_MARK_H
#define SESSIOND_SRC_RUNTIME_STORE_MARK_H

#include <sessiond/base/log.h>

#include "layout.h"

enum ses_store_mark {
    SES_STORE_MARK_NONE, /* no file */
    SES_STORE_MARK_LMDB, /* all of them are there, or will be */
    SES_STORE_MARK_BOTH, /* some are here and some there */
    SES_STORE_MARK_PG,   /* none that lives is in LMDB */
    SES_STORE_MARK_COUNT
};

/* [supervisor] SES_MALFORMED: the file holds something else. SES_IO, SES_PERMISSION_DENIED. */
SES_MUST_CHECK enum ses_status ses_store_mark_read(const struct ses_layout *layout,
                                                   enum ses_store_mark *ret_mark,
                                                   struct ses_fault *ret_fault);
/* [supervisor, gate] Durably, before what it says comes true. SES_IO. */
SES_MUST_CHECK enum ses_status ses_store_mark_write(const struct ses_layout *layout, enum ses_store_mark mark,
                                                    struct ses_fault *ret_fault);

/* [supervisor] A start, the directory locked: refuses a driver that would not see sessions that are there, and writes down
 * what the driver is about to do. SES_FAILED_PRECONDITION: the fault has the remedy. With store.driver: pg the sessions
 * are counted later, by the gate. As above. */
SES_MUST_CHECK enum ses_status ses_store_mark_start(const struct ses_config *config,
                                                    const struct ses_layout *layout,
                                                    struct ses_fault *ret_fault);
/* [gate] store.driver: pg on a directory whose mark does not say so: counts what lives in LMDB. SES_FAILED_PRECONDITION:
 * something does. SES_OK: nothing; the mark says so from now on. */
SES_MUST_CHECK enum ses_status ses_store_mark_gate(const struct ses_config *config,
                                                   const struct ses_layout *layout, struct ses_log *log,
                                                   struct ses_fault *ret_fault);

#endif
