/* machine_id.h - who this machine is to a database that several machines share: 16 random bytes in DIR/machine, made at the
 * first start with store.driver: pg and kept. It names the machine's heartbeat there, and nothing else depends on it. */
#ifndef SESSIOND_SRC_RUNTIME_MACHINE_ID_H
#define SESSIOND_SRC_RUNTIME_MACHINE_ID_H

#include <sessiond/store/store_pg.h>

#include "layout.h"

/* [supervisor] Under the directory's lock. SES_IO; SES_MALFORMED: the file holds something else. */
SES_MUST_CHECK enum ses_status ses_machine_id_open(const struct ses_layout *layout,
                                                   uint8_t ret_id[SES_PG_MACHINE_BYTES],
                                                   struct ses_fault *ret_fault);
/* [any] For --check: the same of a file that is there; SES_OK where none is. */
SES_MUST_CHECK enum ses_status ses_machine_id_check(const struct ses_layout *layout,
                                                    struct ses_fault *ret_fault);

#endif
