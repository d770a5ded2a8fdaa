/* tls_files.h - the PEM files that the configuration names (sections tls, trace and upstream), read and checked at once.
 *
 * The supervisor reads them, at start and at each reload, and every worker makes its TLS context of what was read:
 * a pair of certificate and key that was good stays that pair, whoever writes the files meanwhile and whenever a
 * worker is started again, and a worker needs no right to read them. Keys lie in guarded memory.
 */
#ifndef SESSIOND_CONFIG_TLS_FILES_H
#define SESSIOND_CONFIG_TLS_FILES_H

#include <sessiond/base/secret.h>
#include <sessiond/config/config.h>
#include <sessiond/net/tls.h>

struct ses_tls_files {
    struct ses_buf certificate;
    struct ses_secret key;
    struct ses_buf client_ca;
    struct ses_buf trace_ca; /* empty: the authorities that the machine trusts */
    struct ses_buf trace_certificate;
    struct ses_secret trace_key;
    struct ses_buf upstream_ca; /* likewise */
    struct ses_buf upstream_certificate;
    struct ses_secret upstream_key;
};

/* [supervisor] *ret_files is NULL where no file is configured. ret_fault is "FILE:LINE: key: path: what and
 * the remedy". SES_IO: a file cannot be read; SES_PERMISSION_DENIED: others can read or change the key;
 * SES_FAILED_PRECONDITION: the certificate is for no name of this server's, so that no client could call it;
 * and what ses_tls_context_new refuses. */
SES_MUST_CHECK enum ses_status ses_tls_files_load(const struct ses_config *config,
                                                  struct ses_tls_files **ret_files,
                                                  struct ses_fault *ret_fault);
/* NULL is fine. */
void ses_tls_files_free(struct ses_tls_files *files);
/* [worker] The context of what was read, NULL where no certificate of the server's was. tickets may be NULL. A certificate that has ended since it was read is
 * taken: a worker that is started again serves as its neighbours do. */
SES_MUST_CHECK enum ses_status ses_tls_files_context(const struct ses_tls_files *files,
                                                     const struct ses_config *config,
                                                     const struct ses_tls_tickets *tickets,
                                                     struct ses_tls_context **ret_context,
                                                     struct ses_fault *ret_fault);

#endif
