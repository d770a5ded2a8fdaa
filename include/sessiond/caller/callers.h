/* callers.h - who may call, as the callers file says it: read whole, checked whole, then never changed.
 *
 * The file (YAML; `sessiondctl callers` writes it, an operator may edit it):
 *
 *   keyed_by: 90b1c2d3e4f50617          # which callers.key the hashes were made with; needed where a key stands
 *   callers:
 *     - name: checkout                  # 1 to 64 of a-z 0-9 . _ -; in logs and metrics
 *       tenants: [DefaultTenantId]      # or "*": any
 *       merchants: [shop_a, shop_b]     # or "*"
 *       rights: [create, continue]      # create, continue, webhook, operate (right.h)
 *       modes: [test, live]
 *       state: active                   # or revoked; active when absent
 *       created: 2026-01-02T03:04:05Z   # optional, for people
 *       expires: 2027-01-02T03:04:05Z   # optional
 *       keys:
 *         - id: 5f0c2a91d3e84b76
 *           hash: 9b0c..                # base64url of 32 bytes (caller_key.h)
 *           state: active               # and created, expires, as above
 *       certificates:                   # of a client whose certificate TLS has verified; one of:
 *         - thumbprint: 0f1e..          # SHA-256 of the certificate, 64 hex digits
 *         - dns: checkout.internal      # a subject alternative name, as it stands there
 *         - uri: spiffe://shop/checkout
 *         - subject: checkout           # the subject's common name
 *
 * No name, key id or certificate identity twice in a file. Everything is bounded, below.
 */
#ifndef SESSIOND_CALLER_CALLERS_H
#define SESSIOND_CALLER_CALLERS_H

#include <sessiond/base/fault.h>
#include <sessiond/base/hash.h>
#include <sessiond/base/secret.h>
#include <sessiond/base/slice.h>
#include <sessiond/base/units.h>

#include <sessiond/caller/right.h>

#define SES_CALLERS_FILE          "callers.yaml" /* in the data directory, where sessiondctl is told no other */
#define SES_CALLERS_FILE_MAX      (16 * SES_MIB)
#define SES_CALLERS_MAX           16384u
#define SES_CALLER_NAME_MAX       64u
#define SES_CALLER_KEYS_MAX       16u /* of one caller, those that are revoked too */
#define SES_CALLER_IDENTITIES_MAX 16u
#define SES_CALLER_PLACES_MAX     256u /* tenants of one caller; merchants likewise */
#define SES_CALLER_PLACE_MAX      128u /* bytes of a tenant's or merchant's name */
#define SES_CALLER_IDENTITY_MAX   255u

/* The tenants or merchants of a caller. */
struct ses_caller_places {
    bool any;
    size_t count;
    const struct ses_slice *names;
};

/* What a certificate says of its holder. */
enum ses_caller_identity {
    SES_CALLER_THUMBPRINT, /* 64 lower-case hex digits */
    SES_CALLER_DNS,
    SES_CALLER_URI,
    SES_CALLER_SUBJECT,
    SES_CALLER_IDENTITY_COUNT
};

struct ses_caller;

struct ses_caller_key {
    const struct ses_caller *caller;
    uint64_t id;
    uint8_t hash[SES_HASH_BYTES];
    bool revoked;
    uint64_t created_s; /* seconds since 1970, the world's time; 0: not said */
    uint64_t expires_s; /* 0: never */
    uint32_t line;      /* of the file */
};

struct ses_caller_certificate {
    const struct ses_caller *caller;
    enum ses_caller_identity kind;
    struct ses_slice value;
    bool withdrawn; /* by a later file (withdrawn.h) */
    uint32_t line;
};

struct ses_caller {
    struct ses_slice name;
    struct ses_caller_places tenants;
    struct ses_caller_places merchants;
    unsigned rights; /* bits of enum ses_right */
    unsigned modes;  /* bits of enum ses_caller_mode */
    bool revoked;
    uint64_t created_s;
    uint64_t expires_s;
    struct ses_caller_key *keys; /* in the order of the file */
    size_t keys_count;
    struct ses_caller_certificate *certificates;
    size_t certificates_count;
    unsigned metric_cell; /* where its requests are counted (base/metrics.h) */
    uint32_t line;
};

enum ses_caller_verdict {
    SES_CALLER_KNOWN,
    SES_CALLER_UNKNOWN, /* no such key or identity, or another secret */
    SES_CALLER_REVOKED, /* the key, or its caller */
    SES_CALLER_EXPIRED,
    SES_CALLER_VERDICT_COUNT
};

struct ses_callers;

/* [supervisor, tool] text is what file holds. ret_fault is "FILE:LINE: what is wrong, and the remedy". keyed_by NULL:
 * the hashes' key is not compared. SES_MALFORMED, SES_NO_MEMORY. CPU: 30 us a caller. */
SES_MUST_CHECK enum ses_status ses_callers_parse(const char *file, struct ses_slice text,
                                                 const char *keyed_by, struct ses_callers **ret_callers,
                                                 struct ses_fault *ret_fault);
/* [supervisor, tool] The same from the file, guarded like a key's (token/guarded_text.h), with DATA/keys/callers.key,
 * without which no key could be recognised. SES_NOT_FOUND, SES_IO, SES_FAILED_PRECONDITION too. */
SES_MUST_CHECK enum ses_status ses_callers_load(const char *file, const char *hash_key_file,
                                                struct ses_callers **ret_callers,
                                                struct ses_fault *ret_fault);
void ses_callers_free(struct ses_callers *callers);

/* [any] What a caller may be called: 1 to 64 of a-z 0-9 . _ -. */
bool ses_caller_name_check(struct ses_slice name);

/* [any] In the order of the file. */
size_t ses_callers_count(const struct ses_callers *callers);
const struct ses_caller *ses_callers_at(const struct ses_callers *callers, size_t i);
/* [supervisor] */
void ses_callers_set_cell(struct ses_callers *callers, size_t i, unsigned cell);
/* [any] NULL: nobody is called so. */
const struct ses_caller *ses_callers_find(const struct ses_callers *callers, struct ses_slice name);
/* [worker] Whose key is it? wall_s: the world's time. ret_caller is NULL where the verdict is UNKNOWN. What is wrong
 * takes the same time whatever it is. CPU: 0.5 us. */
enum ses_caller_verdict ses_callers_find_key(const struct ses_callers *callers,
                                             const struct ses_secret *hash_key, struct ses_slice text,
                                             uint64_t wall_s, const struct ses_caller **ret_caller);
/* [worker] Who is known by this? */
enum ses_caller_verdict ses_callers_find_identity(const struct ses_callers *callers,
                                                  enum ses_caller_identity kind, struct ses_slice value,
                                                  uint64_t wall_s, const struct ses_caller **ret_caller);
/* [any] "thumbprint", "dns", "uri", "subject"; static storage. */
const char *ses_caller_identity_name(enum ses_caller_identity kind);

/* [worker] Is the name one of the places? */
bool ses_caller_places_have(const struct ses_caller_places *places, struct ses_slice name);

#endif
