/* natural_key.h - under which key a session lies in the store, and what it is called in logs. */
#ifndef SESSIOND_SRC_METHOD_NATURAL_KEY_H
#define SESSIOND_SRC_METHOD_NATURAL_KEY_H

#include "service_core.h"

/* [worker] Keyed hash of (tenant, merchant, test or live, merchant_session_id). CPU: 0.5 us. */
void ses_natural_key(const struct ses_service *service, struct ses_slice tenant, struct ses_slice merchant,
                     bool test_mode, struct ses_slice merchant_session_id, struct ses_store_key *ret_key);
/* [worker] Whose share of the store a session of (tenant, merchant) counts in, test and live alike: a keyed
 * hash, so that nobody can choose with whom to collide. CPU: 40 ns. */
ses_store_owner ses_natural_owner(const struct ses_service *service, struct ses_slice tenant,
                                  struct ses_slice merchant);
#define SES_TENANT_TAG_SIZE 17
/* [worker] What a token says of its tenant: a keyed hash (SipHash-2-4, 20 ns) as 16 hexadecimal digits and
 * NUL. Nobody without the data directory's secret can find another name with the same one, or the name. */
void ses_tenant_tag(const struct ses_service *service, struct ses_slice tenant,
                    char ret_text[SES_TENANT_TAG_SIZE]);
/* [worker] Keyed hash of the session id into the exchange's log line. */
void ses_name_session(const struct ses_service *service, struct ses_exchange *x,
                      const uint8_t session_id[SES_SESSION_ID_BYTES]);

#endif
