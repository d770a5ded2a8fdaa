/* keyfile.h - one signing key and its file, <kid>.json: a flat JSON object of plain strings, mode 0600.
 *
 *   {"kid": "k4.pid...", "purpose": "test", "state": "active", "created": "2026-01-02T03:04:05Z",
 *    "public": "k4.public...", "secret": "k4.secret...", "replaces": "k4.pid..."}
 *
 * secret is absent once the key is revoked. replaces names the key that was active before this one: should an
 * activation die between its two files, both say "active", and this says which of them no longer is. */
#ifndef SESSIOND_SRC_TOKEN_KEYFILE_H
#define SESSIOND_SRC_TOKEN_KEYFILE_H

#include <sessiond/token/token.h>

#include "keydir.h"
#include "paseto.h"

#define SES_KEYFILE_NAME_SIZE (SES_KID_SIZE + 5) /* ".json" */
#define SES_KEY_FOOTER_LEN    61                 /* {"kid":"k4.pid..."} */
#define SES_KEY_FOOTER_TEXT   82                 /* the same as base64url */

struct ses_key {
    char kid[SES_KID_SIZE];
    bool test;
    enum ses_key_state state;
    uint64_t created_ms;
    uint8_t public_key[SES_PASETO_PUBLIC_BYTES];
    struct ses_secret secret;    /* SES_PASETO_SECRET_BYTES, or empty */
    char replaces[SES_KID_SIZE]; /* "" for none */
    char footer[SES_KEY_FOOTER_LEN];
    char footer_text[SES_KEY_FOOTER_TEXT]; /* what all its tokens end with: the lookup compares it */
};

/* [any] A fresh key pair. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_key_new(bool test, enum ses_key_state state, uint64_t now_ms,
                                           struct ses_key *ret_key);
void ses_key_done(struct ses_key *key);

/* [any] Reads and checks one file: that it is whole, that id, public and secret key belong together, that the
 * file is named after its key and lies under its purpose. SES_NOT_FOUND, SES_MALFORMED,
 * SES_FAILED_PRECONDITION, SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_key_read(const struct ses_keydir *dir, const char *name, bool test,
                                            struct ses_fault *fault, struct ses_key *ret_key);
/* [any] Writes or overwrites the key's file. SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_key_write(const struct ses_keydir *dir, const struct ses_key *key,
                                             struct ses_fault *fault);
/* [any] <kid>.json */
void ses_key_file_name(const char *kid, char ret_name[SES_KEYFILE_NAME_SIZE]);

#endif
