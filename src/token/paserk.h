/* paserk.h - keys as text: PASERK version 4 (paseto-standard/paserk: docs/types). k4.secret, k4.public and
 * k4.local carry a key; k4.pid and k4.lid are identifiers of a public and of a local one, which tell nothing of
 * it: the first 33 bytes of BLAKE2b over their header and the key's own text. */
#ifndef SESSIOND_SRC_TOKEN_PASERK_H
#define SESSIOND_SRC_TOKEN_PASERK_H

#include <sessiond/token/token.h>

#include "paseto.h"

#define SES_PASERK_SECRET_SIZE 97 /* "k4.secret." + 86 characters + NUL */
#define SES_PASERK_PUBLIC_SIZE 54 /* "k4.public." + 43 characters + NUL */
#define SES_PASERK_LOCAL_SIZE  53 /* "k4.local." + 43 characters + NUL */

/* [any] Texts with NUL. SES_INVALID_ARGUMENT when key has another length than its type's. */
SES_MUST_CHECK enum ses_status ses_paserk_public_encode(struct ses_slice key,
                                                        char ret_text[SES_PASERK_PUBLIC_SIZE]);
SES_MUST_CHECK enum ses_status ses_paserk_secret_encode(struct ses_slice key,
                                                        char ret_text[SES_PASERK_SECRET_SIZE]);
SES_MUST_CHECK enum ses_status ses_paserk_local_encode(struct ses_slice key,
                                                       char ret_text[SES_PASERK_LOCAL_SIZE]);
SES_MUST_CHECK enum ses_status ses_paserk_pid(struct ses_slice public_key, char ret_text[SES_KID_SIZE]);
SES_MUST_CHECK enum ses_status ses_paserk_lid(struct ses_slice local_key, char ret_text[SES_KID_SIZE]);

/* [any] SES_MALFORMED: another type or version, not base64url, wrong length; for a secret also when its
 * public half does not belong to its seed (signing under a foreign public half gives the seed away). */
SES_MUST_CHECK enum ses_status ses_paserk_public_decode(struct ses_slice text,
                                                        uint8_t ret_key[SES_PASETO_PUBLIC_BYTES]);
SES_MUST_CHECK enum ses_status ses_paserk_secret_decode(struct ses_slice text,
                                                        uint8_t ret_key[SES_PASETO_SECRET_BYTES]);
SES_MUST_CHECK enum ses_status ses_paserk_local_decode(struct ses_slice text,
                                                       uint8_t ret_key[SES_PASETO_LOCAL_KEY_BYTES]);
/* [any] Form only: "k4.pid." and 44 base64url characters. Anything that passes is safe as a file name. */
bool ses_paserk_pid_check(struct ses_slice text);

#endif
