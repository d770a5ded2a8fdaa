/* fingerprint.h - which parts of a request's payload are the same as those of an earlier one, without keeping
 * them.
 *
 * One tag per field: SipHash-2-4 (libsodium crypto_shorthash, a keyed 64-bit PRF) under a key derived from
 * the data directory's secret. It was chosen over a keyed BLAKE2b per field because a payload has up to 19 of
 * them: measured 20 ns against 420 ns each. 64 bits tell two payloads of one session apart; nobody without
 * the key can search for a collision or guess a value.
 */
#ifndef SESSIOND_DOMAIN_FINGERPRINT_H
#define SESSIOND_DOMAIN_FINGERPRINT_H

#include <sessiond/base/hash.h>
#include <sessiond/domain/field.h>

#define SES_TAG_KEY_BYTES 16

struct ses_tag_key {
    uint8_t bytes[SES_TAG_KEY_BYTES];
};

/* [any] Keyed hash of bytes, for tags and for log pseudonyms. */
uint64_t ses_tag(const struct ses_tag_key *key, struct ses_slice bytes);

/* amount, currency and connector are compared as values and have no tag; state is merged, not compared. Nor
 * are the soft browser fields part of a payload: they differ between a page and its script, or drift while
 * the shopper looks (binding.h), and a repetition from another network is the same call. */
#define SES_FINGERPRINT_FIELDS                                                                               \
    (SES_FIELD_BIT(SES_FIELD_METADATA) | SES_FIELD_BIT(SES_FIELD_FEATURE_DATA) |                             \
     (SES_BROWSER_FIELDS & ~SES_SOFT_FIELDS) | SES_FIELD_BIT(SES_FIELD_CUSTOMER) |                           \
     SES_FIELD_BIT(SES_FIELD_ADDRESS))
#define SES_SOFT_FIELDS                                                                                      \
    (SES_FIELD_BIT(SES_FIELD_LANGUAGE) | SES_FIELD_BIT(SES_FIELD_ACCEPT_HEADER) |                            \
     SES_FIELD_BIT(SES_FIELD_ACCEPT_LANGUAGE) | SES_FIELD_BIT(SES_FIELD_REFERER) |                           \
     SES_FIELD_BIT(SES_FIELD_IP_ADDRESS))
#define SES_BROWSER_FIELDS                                                                                   \
    (((SES_FIELD_BIT(SES_FIELD_DEVICE_MODEL) << 1) - SES_FIELD_BIT(SES_FIELD_LANGUAGE)) |                    \
     ((SES_FIELD_BIT(SES_FIELD_TIME_ZONE_OFFSET) << 1) - SES_FIELD_BIT(SES_FIELD_COLOR_DEPTH)))

struct ses_fingerprint {
    uint64_t fields; /* bits of those present */
    /* Of a stored one: bits of those that some accepted call had and another had not. A continuation may
     * leave out what it does not change: then both with and without is a repetition of one of them. */
    uint64_t optional;
    uint64_t tag[SES_FIELD_TEXTS + SES_FIELD_NUMBERS]; /* valid where the bit is set */
};

/* [any] Bits of the fields that are in one only and not optional, or in both with different tags. */
uint64_t ses_fingerprint_differing(const struct ses_fingerprint *stored, const struct ses_fingerprint *given);
/* [any] What an accepted continuation says takes the place of what is stored; what it does not say stays. */
void ses_fingerprint_merge(struct ses_fingerprint *stored, const struct ses_fingerprint *given);

#endif
