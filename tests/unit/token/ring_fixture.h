/* ring_fixture.h - a key ring in a fresh directory below $TMPDIR, and claims to put into tokens. */
#ifndef SESSIOND_TESTS_UNIT_TOKEN_RING_FIXTURE_H
#define SESSIOND_TESTS_UNIT_TOKEN_RING_FIXTURE_H

#include "unit.h"

#include <sessiond/token/token.h>

#define NOW_MS 1767323045678u /* 2026-01-02T03:04:05.678Z */

struct fixture {
    char dir[256];
    struct ses_arena arena;
    struct ses_fault fault;
    enum ses_token_purpose purpose; /* of what is minted */
};

/* cmocka's; *state is a struct fixture. */
int fixture_setup(void **state);
int fixture_setup_local(void **state); /* v4.local tokens are minted */
int fixture_setup_plain(void **state); /* public ones without a tag */
int fixture_teardown(void **state);

/* The ring of the directory; the caller frees it. */
struct ses_keyring *fixture_load(struct fixture *f);

/* The ring does not load, with this status and a text that has this part. */
void fixture_refuses(struct fixture *f, enum ses_status status, const char *part);

/* The id of the first key of a purpose in this state; fails the test when there is none. */
void fixture_kid(struct fixture *f, enum ses_key_purpose purpose, enum ses_key_state state,
                 char ret_kid[SES_KID_SIZE]);

/* The file of a key. */
void fixture_path(const struct fixture *f, enum ses_key_purpose purpose, const char *kid, char ret_path[512]);

/* The whole file and a NUL; the length. */
size_t file_read(const char *path, char *ret_text, size_t room);

/* Readable by its owner alone, as keys must be. */
void file_write(const char *path, const char *text);

/* Replaces the first occurrence of a part of the file. */
void file_edit(const char *path, const char *from, const char *to);

/* All that a token may say, valid at NOW_MS. */
struct ses_claims fixture_claims(void);

/* The token, in the fixture's arena; of the fixture's purpose, or of another one. */
struct ses_slice fixture_mint(struct fixture *f, const struct ses_keyring *ring,
                              const struct ses_claims *claims);
struct ses_slice fixture_mint_as(struct fixture *f, const struct ses_keyring *ring,
                                 const struct ses_claims *claims, enum ses_token_purpose purpose);

#endif
