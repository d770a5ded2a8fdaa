/* file_text.h - a small file that the configuration names, read whole: certificates, keys, a password. */
#ifndef SESSIOND_SRC_CONFIG_FILE_TEXT_H
#define SESSIOND_SRC_CONFIG_FILE_TEXT_H

#include <sessiond/base/buf.h>
#include <sessiond/base/fault.h>
#include <sessiond/base/secret.h>
#include <sessiond/config/config.h>

/* What the file holds, for the sentences. */
struct ses_file_text {
    const char *key;     /* of the configuration, "tls.key" */
    const char *content; /* "PEM text" */
    const char *secret;  /* "private key": for nobody else's eyes; NULL: for anybody's */
    size_t bytes_max;
};

/* [supervisor, worker] "FILE:LINE: key: path: what". */
SES_MUST_CHECK enum ses_status ses_file_text_refuse(const struct ses_config *config, const char *key,
                                                    const struct ses_config_tls_file *file,
                                                    enum ses_status status, const char *what,
                                                    struct ses_fault *ret_fault);
/* [supervisor, worker] Into buf, or into a secret that is made as long as the file. A file that is not named (an empty path)
 * is SES_OK and nothing. SES_IO, SES_PERMISSION_DENIED (a secret that others can read), SES_MALFORMED, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_file_text_read(const struct ses_config *config,
                                                  const struct ses_file_text *what,
                                                  const struct ses_config_tls_file *file, struct ses_buf *buf,
                                                  struct ses_fault *ret_fault);
SES_MUST_CHECK enum ses_status ses_file_text_read_secret(const struct ses_config *config,
                                                         const struct ses_file_text *what,
                                                         const struct ses_config_tls_file *file,
                                                         struct ses_secret *secret,
                                                         struct ses_fault *ret_fault);

#endif
