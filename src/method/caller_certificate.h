/* caller_certificate.h - whose certificate a connection has shown. */
#ifndef SESSIOND_SRC_METHOD_CALLER_CERTIFICATE_H
#define SESSIOND_SRC_METHOD_CALLER_CERTIFICATE_H

#include <sessiond/caller/callers.h>
#include <sessiond/net/tls.h>

/* [worker] By thumbprint, alternative names and common name: the first that somebody is known by. *ret_ambiguous:
 * others of them are somebody else's. ret_caller NULL: nobody's, SES_CALLER_UNKNOWN. */
enum ses_caller_verdict ses_caller_by_certificate(const struct ses_callers *callers,
                                                  const struct ses_tls_peer *peer, uint64_t wall_s,
                                                  const struct ses_caller **ret_caller, bool *ret_ambiguous);

#endif
