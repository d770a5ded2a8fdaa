/* dev_cert.h - an authority of one's own and certificates by it, for development: the sandbox's, and what
 * `sessiondctl dev-cert` makes.
 *
 *   DIR/ca.pem              what clients trust (SSL_CERT_FILE, --cacert)
 *   DIR/ca.key              0600
 *   DIR/server.pem, .key    for the names, by that authority; the key 0600
 *   DIR/NAME.pem, .key      of a client, common name NAME
 *
 * EC P-256. The authority can certify servers of the names with which it was made and no others (critical name
 * constraints, RFC 5280 section 4.2.1.10): who trusts it and loses its key has lost no more than these.
 */
#ifndef SESSIOND_NET_DEV_CERT_H
#define SESSIOND_NET_DEV_CERT_H

#include <stddef.h>

#include <sessiond/base/fault.h>

#define SES_DEV_CERT_NAMES_MAX 32

/* [any] Makes what is missing in dir (and dir, 0755 less the umask) or would end within 30 days, is not by this
 * authority or not for all of the names; leaves the rest as it is. names: DNS names and numeric addresses, at least
 * one. *ret_made: something new is there. SES_INVALID_ARGUMENT: a name is none; SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_dev_cert_server(const char *dir, const char *const *names,
                                                   size_t names_count, bool *ret_made,
                                                   struct ses_fault *ret_fault);
/* [any] A client's certificate, new each time, by the authority of dir. SES_INVALID_ARGUMENT: a name of other than
 * letters, digits, '-' and '_', or "ca" or "server"; SES_NOT_FOUND: there is no authority yet. */
SES_MUST_CHECK enum ses_status ses_dev_cert_client(const char *dir, const char *name,
                                                   struct ses_fault *ret_fault);

#endif
