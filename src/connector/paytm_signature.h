/* paytm_signature.h - Paytm's signature over the compact text of a request's body object. */
#ifndef SESSIOND_SRC_CONNECTOR_PAYTM_SIGNATURE_H
#define SESSIOND_SRC_CONNECTOR_PAYTM_SIGNATURE_H

#include <sessiond/base/encode.h>
#include <sessiond/base/slice.h>

#define SES_PAYTM_SALT_BYTES 3
/* 64 hex digits and 4 characters of salt, padded to five AES blocks, in base64. */
#define SES_PAYTM_SIGNATURE_SIZE SES_BASE64_SIZE(80)

/* The signature of text, in four steps:
 *   1  the salt in base64
 *   2  SHA-256 over text, '|' and that, in hex
 *   3  AES-CBC of digest and salt, PKCS#7, with a fixed IV
 *   4  base64
 * The key's length chooses the cipher: 16 bytes AES-128, 24 AES-192, any other AES-256 with the key cut or
 * zero-filled to 32. SES_NO_MEMORY when the cipher cannot be set up. */
SES_MUST_CHECK enum ses_status ses_paytm_sign(struct ses_slice text, struct ses_slice key,
                                              const uint8_t salt[SES_PAYTM_SALT_BYTES],
                                              char ret_signature[SES_PAYTM_SIGNATURE_SIZE]);

#endif
