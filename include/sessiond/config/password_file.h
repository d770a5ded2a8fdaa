/* password_file.h - store.pg.password_file: the password of the database's role, one line of text in a file that is for nobody
 * else (the rules of tls.key). It is never a part of the configuration itself, which people paste and print. */
#ifndef SESSIOND_CONFIG_PASSWORD_FILE_H
#define SESSIOND_CONFIG_PASSWORD_FILE_H

#include <sessiond/base/secret.h>
#include <sessiond/config/config.h>

#define SES_PASSWORD_BYTES_MAX 1024

/* [supervisor, worker before it is confined] Nothing where no file is named, or another driver is. The line's end is taken
 * off, and the bytes end with a zero that is not counted. SES_IO, SES_PERMISSION_DENIED, SES_MALFORMED, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_password_file_load(const struct ses_config *config,
                                                      struct ses_secret *ret_password,
                                                      struct ses_fault *ret_fault);

/* [supervisor] Whether a worker will be able to load it. */
SES_MUST_CHECK enum ses_status ses_password_file_check(const struct ses_config *config,
                                                       struct ses_fault *ret_fault);

#endif
