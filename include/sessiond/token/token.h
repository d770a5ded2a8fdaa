/* token.h - session tokens: "sess_" + PASETO v4.public (paseto-standard/paseto-spec,
 * docs/01-Protocol-Versions/Version4.md), Ed25519 by libsodium. The claims are those of struct ses_claims;
 * whoever holds a token can read them, so nothing secret is inside. Or v4.local (XChaCha20, keyed BLAKE2b): the same
 * claims for nobody but who has the key, which is derived from the signing key and goes by its state. Which of the two
 * is made is the caller's choice, both are verified.
 *
 * Key rings on disk: <dir>/<purpose>/, one file a key. Purposes are the signing keys of test and of live tokens
 * (their ids: k4.pid of PASERK, paseto-standard/paserk), and two that seal: records ("seal") and step handles
 * ("step"), whose ids are the purpose and a number, "seal-2", never given twice. Exactly one key of each purpose
 * is active. The first key of a purpose that seals lies as a file of 32 bytes beside the rings, as all of them
 * once did (<dir>/seal-1.key, <dir>/step.key), until its state changes.
 *
 *   state           seals, signs   opens, verifies   becomes
 *   next            no             yes               active; revoked (seal: removed)
 *   active          yes            yes               verify-only, when another one becomes active
 *   verify-only,    no             yes               active; revoked (but seal); removed (retire)
 *    open-only
 *   revoked         no             no                removed (retire)
 *
 * A seal key is never revoked: what it sealed would be lost. It is retired when no record carries its number.
 */
#ifndef SESSIOND_TOKEN_TOKEN_H
#define SESSIOND_TOKEN_TOKEN_H

#include <sessiond/base/arena.h>
#include <sessiond/base/buf.h>
#include <sessiond/base/fault.h>
#include <sessiond/base/hash.h>
#include <sessiond/base/key_print.h>
#include <sessiond/base/secret.h>
#include <sessiond/base/slice.h>

#define SES_TOKEN_PREFIX      "sess_"
#define SES_TOKEN_SIZE_MAX    2048 /* bytes of a whole token, prefix included; longer: refused unread */
#define SES_SESSION_TEXT_SIZE 33   /* a session id as 32 lower-case hex digits plus NUL */
#define SES_KID_SIZE          52   /* "k4.pid." + 44 characters + NUL */
#define SES_TOKEN_LEEWAY_MS   2000 /* nbf lies so long before iat: other machines' clocks are behind ours */
#define SES_KEYRING_KEYS_MAX  64   /* keys of one purpose, all states together */
#define SES_KEY_REST_DAYS     8    /* longest session.ttl_seconds, and a day in which to reload */

struct ses_keyring;

/* LIVE and TEST are false and true of a token's test. */
enum ses_key_purpose {
    SES_KEY_LIVE,
    SES_KEY_TEST,
    SES_KEY_SEAL, /* records */
    SES_KEY_STEP, /* step handles */
    SES_KEY_PURPOSE_COUNT
};

enum ses_key_state {
    SES_KEY_NEXT,
    SES_KEY_ACTIVE,
    SES_KEY_VERIFY_ONLY, /* of keys that seal: open-only */
    SES_KEY_REVOKED,
    SES_KEY_STATE_COUNT
};

/* What a token is, to others: PASETO's two purposes. */
enum ses_token_purpose {
    SES_TOKEN_PUBLIC, /* anybody can read and verify it; a tag in its footer, by which it is verified here for 1 us */
    SES_TOKEN_LOCAL, /* nobody can who has no key of the ring */
    SES_TOKEN_PLAIN, /* public, without a tag: what versions before made, and take */
};

/* What a token says. Slices are borrowed from the caller (mint) or point into the arena (verify). */
struct ses_claims {
    uint8_t session_id[16];      /* jti, as 32 hex digits */
    struct ses_slice issuer;     /* iss */
    struct ses_slice audience;   /* aud */
    struct ses_slice merchant;   /* sub */
    struct ses_slice tenant_tag; /* ten; empty: a token of a version that had none, without the claim */
    uint64_t issued_ms;          /* iat, the world's time; whole seconds in the token */
    uint64_t expires_ms;         /* exp, rounded down to whole seconds */
    uint32_t generation;         /* gen */
    struct ses_slice connector;  /* con */
    int64_t minor_amount;        /* amt */
    struct ses_slice currency;   /* cur */
    bool test;                   /* test; also chooses the key purpose */
    uint8_t merchant_session_hash[SES_HASH_BYTES]; /* msh, base64url in the token */
    uint8_t browser_hash[SES_HASH_BYTES];          /* bih */
    struct ses_slice browser_fields; /* bnd: names joined by one space; empty = nothing bound, bih absent */
};

/* [any] Makes dir with one active key of each purpose if it holds none (files 0600, directory 0700, synced). */
SES_MUST_CHECK enum ses_status ses_keyring_init_dir(const char *dir, struct ses_fault *ret_fault);
/* [worker] Loads the ring into guarded memory. ret_fault names the file and what is wrong with it:
 * unreadable, too open permissions, no or two active keys, wrong purpose. SES_FAILED_PRECONDITION, SES_IO,
 * SES_MALFORMED. */
SES_MUST_CHECK enum ses_status ses_keyring_load(const char *dir, struct ses_keyring **ret_ring,
                                                struct ses_fault *ret_fault);
void ses_keyring_free(struct ses_keyring *ring);

/* [worker] Signs with the active key of claims->test's purpose, or encrypts with what is derived from it; writes the
 * text (no NUL) into ret_token. SES_TOO_LARGE when claims do not fit SES_TOKEN_SIZE_MAX; SES_INVALID_ARGUMENT for a
 * text that is not UTF-8, a negative amount, a time after the year 9999. CPU: one Ed25519 signature; of a local one
 * 3 us. */
SES_MUST_CHECK enum ses_status ses_token_mint(const struct ses_keyring *ring, const struct ses_claims *claims,
                                              enum ses_token_purpose purpose,
                                              char ret_token[SES_TOKEN_SIZE_MAX], size_t *ret_len);

/* [worker] Verifies form, key id, tag, signature or MAC, mode (test) and claims. Fails closed:
 *   SES_UNAUTHENTICATED      anything not ours or altered, unknown or revoked key, duplicate claim, oversize
 *   SES_FAILED_PRECONDITION  ours, and of the other mode, whatever its time
 *   SES_EXPIRED              from exp on at now_ms (0: the caller judges it)
 *   SES_NO_MEMORY
 * iat and nbf are not compared with a clock: what we signed was valid then, and a clock that has gone back
 * since proves nothing. A key in state next verifies too: while workers are replaced one at a time, one that
 * knows it as active signs beside one that does not yet. Claim slices point into arena. iss and aud are the
 * caller's to compare. Many texts are tokens of the same claims: nothing may be kept or found by a token's text. */
SES_MUST_CHECK enum ses_status ses_token_verify(const struct ses_keyring *ring, struct ses_slice token,
                                                bool test, uint64_t now_ms, struct ses_arena *arena,
                                                struct ses_claims *ret_claims);

/* [sessiondctl] The claims' JSON of a token that a key of the ring has made, whatever it says, and that key's id. The
 * text lies in arena. SES_UNAUTHENTICATED, SES_NO_MEMORY. */
struct ses_token_read {
    const char *json;
    char kid[SES_KID_SIZE];
};
SES_MUST_CHECK enum ses_status ses_token_read(const struct ses_keyring *ring, struct ses_slice token,
                                              struct ses_arena *arena, struct ses_token_read *ret_read);

/* [any] The published keys, served at GET /.well-known/paseto-keys, as JSON:
 *   {"keys":[{"kid":"k4.pid...","paserk":"k4.public...","state":"active","purpose":"test"}...]}
 * Revoked keys are listed with their state and no paserk. */
SES_MUST_CHECK enum ses_status ses_keyring_publish(const struct ses_keyring *ring, struct ses_buf *ret_json);

/* [sessiondctl] Key ring operations on disk; each is atomic (write, fsync, rename) and names its fault in
 * ret_fault.
 *   generate   a new key in state next; ret_kid[SES_KID_SIZE]
 *   activate   next or verify-only -> active, the old active -> verify-only; the rename of the new key's file
 *              is the one instant of change
 *   revoke     next or verify-only -> revoked, its secret is dropped; never of a seal key
 *   retire     the file is removed: of a revoked key; of a verify-only one SES_KEY_REST_DAYS after it stopped
 *              signing; of a seal key that is next or open-only and, as the caller has found out, seals nothing.
 *              The newest key of a purpose that seals stays, or its number would be given again. seal_state is
 *              what the ring's stamp was before that was found out (SES_ABORTED: it has changed); of others unused
 * SES_NOT_FOUND, SES_FAILED_PRECONDITION, SES_INVALID_ARGUMENT, SES_MALFORMED, SES_FULL, SES_IO. */
SES_MUST_CHECK enum ses_status ses_keyring_generate(const char *dir, enum ses_key_purpose purpose,
                                                    struct ses_fault *ret_fault, char *ret_kid);
SES_MUST_CHECK enum ses_status ses_keyring_set_state(const char *dir, struct ses_slice kid,
                                                     enum ses_key_state state, struct ses_fault *ret_fault);
SES_MUST_CHECK enum ses_status ses_keyring_retire(const char *dir, struct ses_slice kid,
                                                  const char *seal_state, struct ses_fault *ret_fault);
/* Whether retire would, as far as the ring can tell. */
SES_MUST_CHECK enum ses_status ses_keyring_check_retire(const char *dir, struct ses_slice kid,
                                                        struct ses_fault *ret_fault);

/* Which keys every worker of the running server knows, and in which state. A key that signs or seals before that
 * makes what some worker refuses.
 *   list_ids      [supervisor] the ids of all key files and a stamp of each ring, a line each, before the
 *                 workers load them (the caller frees the buffer)
 *   note_loaded   [supervisor] they all have
 *   is_loaded     [sessiondctl] also false when nothing was ever noted
 *   stamp         [sessiondctl] of a ring as it is: another one after every change, also if it was changed back
 *   is_current    [sessiondctl] every worker has loaded the ring with that stamp
 * SES_IO, SES_FULL, SES_FAILED_PRECONDITION, SES_NO_MEMORY. */
#define SES_KEY_STAMP_SIZE 48
SES_MUST_CHECK enum ses_status ses_keyring_list_ids(const char *dir, struct ses_fault *ret_fault,
                                                    struct ses_buf *ret_list);
SES_MUST_CHECK enum ses_status ses_keyring_note_loaded(const char *dir, struct ses_slice list,
                                                       struct ses_fault *ret_fault);
SES_MUST_CHECK enum ses_status ses_keyring_is_loaded(const char *dir, struct ses_slice kid,
                                                     struct ses_fault *ret_fault, bool *ret_loaded);
SES_MUST_CHECK enum ses_status ses_keyring_stamp(const char *dir, enum ses_key_purpose purpose,
                                                 struct ses_fault *ret_fault,
                                                 char ret_stamp[SES_KEY_STAMP_SIZE]);
SES_MUST_CHECK enum ses_status ses_keyring_is_current(const char *dir, const char *stamp,
                                                      struct ses_fault *ret_fault, bool *ret_current);

/* One key as the operator sees it. */
struct ses_key_info {
    char kid[SES_KID_SIZE];
    enum ses_key_purpose purpose;
    enum ses_key_state state;
    uint64_t created_ms;
};

/* [sessiondctl] The keys on disk, test before live, then seal and step, in each by id; does not demand one active
 * key, so that a faulty ring can be looked at and mended. ret_keys has room for SES_KEYRING_LIST_MAX. */
#define SES_KEYRING_LIST_MAX (SES_KEY_PURPOSE_COUNT * SES_KEYRING_KEYS_MAX)
SES_MUST_CHECK enum ses_status ses_keyring_list(const char *dir, struct ses_key_info *ret_keys,
                                                size_t *ret_count, struct ses_fault *ret_fault);
/* [any] "test", "live", "seal", "step"; static storage. */
const char *ses_key_purpose_name(enum ses_key_purpose purpose);
/* [any] "next", "active", "verify-only" or "open-only", "revoked"; static storage. */
const char *ses_key_state_name(enum ses_key_purpose purpose, enum ses_key_state state);
/* [any] The purpose of a key by its id, and its number (0 of a signing key); false: no id. */
bool ses_key_id_decode(struct ses_slice kid, enum ses_key_purpose *ret_purpose, uint16_t *ret_number);

/* ---- the keys that seal ---- */

/* All that may open, the active one first; keys point into secrets, so it stays where it is. */
struct ses_seal_ring {
    struct ses_seal_key key[SES_KEYRING_KEYS_MAX];
    struct ses_secret secret[SES_KEYRING_KEYS_MAX];
    size_t count;
};

/* [any] Whether there is any key of that purpose; looks at names only. */
bool ses_seal_ring_exists(const char *dir, enum ses_key_purpose purpose);
/* [supervisor] Makes the ring with one active key if there is none. Statuses of ses_keyring_load. */
SES_MUST_CHECK enum ses_status ses_seal_ring_init(const char *dir, enum ses_key_purpose purpose,
                                                  struct ses_fault *ret_fault);
/* [any] Loads it into guarded memory; statuses and texts of ses_keyring_load. On failure it is empty. */
SES_MUST_CHECK enum ses_status ses_seal_ring_load(const char *dir, enum ses_key_purpose purpose,
                                                  struct ses_seal_ring *ret_ring,
                                                  struct ses_fault *ret_fault);
void ses_seal_ring_free(struct ses_seal_ring *ring);

/* Secrets of the data directory that are no ring: one file each below dir, 32 random bytes, made on first use:
 * "natural.key" (natural keys), "log.key" (pseudonyms in logs). Neither is rotated: what they hash is found by
 * the hash. */
SES_MUST_CHECK enum ses_status ses_secret_file_open(const char *path, bool create,
                                                    struct ses_secret *ret_secret,
                                                    struct ses_fault *ret_fault);

/* [any] What other machines may know of the keys of dir, natural.key and all rings: which are there, which one is used,
 * fingerprints. Reads the files. ret_prints has room for SES_KEYRING_PRINTS_MAX. Statuses of ses_keyring_load. */
#define SES_KEYRING_PRINTS_MAX (1 + SES_KEYRING_LIST_MAX)
SES_MUST_CHECK enum ses_status ses_keyring_print(const char *dir, struct ses_fault *ret_fault,
                                                 struct ses_key_print *ret_prints, size_t *ret_count);

/* [sessiondctl] All rings and secrets of dir, checked as when they are loaded, into a directory that is made and
 * belongs to its parent's owner; target must not be there. SES_ALREADY_EXISTS, else as ses_keyring_load. */
SES_MUST_CHECK enum ses_status ses_keys_copy(const char *dir, const char *target,
                                             struct ses_fault *ret_fault);

/* ---- step handles: opaque, encrypted, for one step of one session; safe in a URL, a form field or a log of
 * somebody else. */

/* Characters; what is made has 150, by keys after the first one 153; of earlier versions 329. */
#define SES_STEP_HANDLE_SIZE_MAX 1024
#define SES_STEP_KEY_BYTES       32

struct ses_step_claims {
    uint8_t key[SES_HASH_BYTES]; /* hash of the session's natural key: where it is stored */
    uint8_t session_id[16];
    uint8_t step_id[16];
    uint64_t expires_ms; /* whole seconds in the handle, rounded up */
    bool test;
};

/* [worker] The first of keys, which are the ring "step", seals. Every call gives another text for the same claims.
 * CPU: 2 us. SES_INVALID_ARGUMENT: a time after the year 9999. */
SES_MUST_CHECK enum ses_status ses_step_seal(const struct ses_seal_key *keys,
                                             const struct ses_step_claims *claims,
                                             char ret_handle[SES_STEP_HANDLE_SIZE_MAX], size_t *ret_len);
/* [worker] SES_UNAUTHENTICATED: not ours, altered, oversize, of a key that is not there (any more). Its time is
 * not judged: a return that is repeated after the end is answered like the first. */
SES_MUST_CHECK enum ses_status ses_step_open(const struct ses_seal_key *keys, size_t keys_count,
                                             struct ses_slice handle, struct ses_step_claims *ret_claims);

#endif
