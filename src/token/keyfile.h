/* keyfile.h - one key and its file, <kid>.json: a flat JSON object of plain strings, mode 0600.
 *
 *   {"kid": "k4.pid...", "purpose": "test", "state": "active", "created": "2026-01-02T03:04:05Z",
 *    "public": "k4.public...", "secret": "k4.secret...", "replaces": "k4.pid..."}
 *   {"kid": "seal-2", "purpose": "seal", "state": "active", "created": "2026-01-02T03:04:05Z",
 *    "lid": "k4.lid...", "secret": "k4.local...", "replaces": "seal-1"}
 *
 * secret is absent once the key is revoked. lid is a check sum of a secret that has no public half. replaces names
 * the key that was active before this one: should an activation die between its two files, both say "active", and
 * this says which of them no longer is. */
#ifndef SESSIOND_SRC_TOKEN_KEYFILE_H
#define SESSIOND_SRC_TOKEN_KEYFILE_H

#include <sessiond/token/token.h>

#include "key_derive.h"
#include "keydir.h"
#include "paseto.h"

#define SES_KEYFILE_NAME_SIZE (SES_KID_SIZE + 5) /* ".json" */
#define SES_KEY_FOOTER_LEN    61
#define SES_KEY_FOOTER_TEXT   82
#define SES_KEY_SEAL_BYTES    SES_PASETO_LOCAL_KEY_BYTES
#define SES_RING_PATH_SIZE    4096

/* What all tokens of a key end with, {"kid":"k4.pid..."} or {"kid":"k4.lid..."}. */
struct ses_footer {
    char bytes[SES_KEY_FOOTER_LEN];
    char text[SES_KEY_FOOTER_TEXT]; /* the same as base64url: the lookup compares it */
};

struct ses_key {
    char kid[SES_KID_SIZE];
    enum ses_key_purpose purpose;
    enum ses_key_state state;
    uint64_t created_ms;
    struct ses_secret secret;    /* SES_PASETO_SECRET_BYTES or SES_KEY_SEAL_BYTES, or empty */
    char replaces[SES_KID_SIZE]; /* "" for none */
    /* of a key that seals */
    uint16_t number;
    bool first;    /* it lies in the ring's first file (too), which its next write removes */
    bool own_file; /* it was read from <kid>.json */
    char lid[SES_KID_SIZE];
    /* of a key that signs */
    uint8_t public_key[SES_PASETO_PUBLIC_BYTES];
    struct ses_footer footer;  /* of its v4.public tokens */
    struct ses_secret derived; /* in a ring that was loaded for a worker, of each key that verifies */
    struct ses_footer local;   /* there too: of its v4.local tokens */
};

/* [any] A fresh key; number is of one that seals. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_key_new(enum ses_key_purpose purpose, uint16_t number,
                                           enum ses_key_state state, uint64_t now_ms,
                                           struct ses_key *ret_key);
/* [any] The key that a ring's first file is, active; takes the secret. */
struct ses_key ses_key_first(enum ses_key_purpose purpose, struct ses_secret secret, uint64_t created_ms);
void ses_key_done(struct ses_key *key);
/* [any] Derives what a key that verifies needs beside its public half (key_derive.h), and names it; a revoked key has
 * no secret, and gets nothing. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_key_derive(struct ses_key *key);

/* [any] It has no file of its own yet: the state that a first file means, and nothing else to say. */
bool ses_key_is_first_file(const struct ses_key *key);

/* [any] Reads and checks one file: that it is whole, that its parts belong together, that the file is named after
 * its key and lies under its purpose. SES_NOT_FOUND, SES_MALFORMED, SES_FAILED_PRECONDITION, SES_IO,
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_key_read(const struct ses_keydir *dir, const char *name,
                                            enum ses_key_purpose purpose, struct ses_fault *fault,
                                            struct ses_key *ret_key);
/* [any] Writes or overwrites the key's file. SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_key_write(const struct ses_keydir *dir, const struct ses_key *key,
                                             struct ses_fault *fault);

/* key_name.c */

/* [any] A purpose whose keys seal, and have numbers. */
bool ses_key_seals(enum ses_key_purpose purpose);
bool ses_key_state_decode(enum ses_key_purpose purpose, struct ses_slice text, enum ses_key_state *ret_state);
void ses_key_id_encode(enum ses_key_purpose purpose, uint16_t number, char ret_kid[SES_KID_SIZE]);
/* [any] Form only. Anything that passes is safe as a file name. */
bool ses_key_id_check(enum ses_key_purpose purpose, struct ses_slice kid);
/* [any] <kid>.json */
void ses_key_file_name(const char *kid, char ret_name[SES_KEYFILE_NAME_SIZE]);
/* [any] "<dir>/<purpose>". SES_IO when that is too long. */
SES_MUST_CHECK enum ses_status ses_ring_path(const char *dir, enum ses_key_purpose purpose,
                                             struct ses_fault *fault, char ret_path[SES_RING_PATH_SIZE]);
/* [any] The first file of a ring that seals: 32 bytes, no more. */
SES_MUST_CHECK enum ses_status ses_ring_first_path(const char *dir, enum ses_key_purpose purpose,
                                                   struct ses_fault *fault,
                                                   char ret_path[SES_RING_PATH_SIZE]);

#endif
