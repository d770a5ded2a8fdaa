/* driver_put.h - the writing half of ses_lmdb_driver, as store_driver.h says. */
#ifndef SESSIOND_STORE_DRIVER_PUT_H
#define SESSIOND_STORE_DRIVER_PUT_H

#include <sessiond/store/store_driver.h>

SES_MUST_CHECK enum ses_status ses_lmdb_driver_put(struct ses_store *base, struct ses_store_op *op,
                                                   const struct ses_store_version *expect,
                                                   const struct ses_record *record, ses_store_owner owner);
SES_MUST_CHECK enum ses_status ses_lmdb_driver_lease(struct ses_store *base, struct ses_store_op *op,
                                                     const struct ses_store_version *expect,
                                                     const struct ses_record *record, ses_store_owner owner,
                                                     uint64_t for_ms, struct ses_store_lease *lease);
SES_MUST_CHECK enum ses_status ses_lmdb_driver_reserve(struct ses_store *base, struct ses_store_op *op,
                                                       const struct ses_store_version *expect,
                                                       const struct ses_store_key *key, ses_store_owner owner,
                                                       uint64_t for_ms, struct ses_store_lease *lease);
SES_MUST_CHECK enum ses_status ses_lmdb_driver_put_leased(struct ses_store *base, struct ses_store_op *op,
                                                          struct ses_store_lease *lease,
                                                          const struct ses_record *record,
                                                          ses_store_owner owner);
void ses_lmdb_driver_release(struct ses_store *base, struct ses_store_lease *lease, enum ses_lease_end end);

#endif
