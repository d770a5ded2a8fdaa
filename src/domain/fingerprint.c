/* Tags and the sets of them. Tags are stored and must be the same on any machine.
 */
#include <sessiond/domain/fingerprint.h>

#include <sodium.h>

#include <sessiond/base/little.h>

_Static_assert(SES_TAG_KEY_BYTES == crypto_shorthash_KEYBYTES, "SipHash-2-4 key");

uint64_t ses_tag(const struct ses_tag_key *key, struct ses_slice bytes)
{
    uint8_t out[crypto_shorthash_BYTES];

    (void)crypto_shorthash(out, bytes.data, bytes.len, key->bytes);
    return ses_little_get(out);
}

uint64_t ses_fingerprint_differing(const struct ses_fingerprint *stored, const struct ses_fingerprint *given)
{
    /* A record of an earlier version has tags of soft fields too. */
    uint64_t differing = (stored->fields ^ given->fields) & ~stored->optional & SES_FINGERPRINT_FIELDS;
    uint64_t both = stored->fields & given->fields & SES_FINGERPRINT_FIELDS;

    for (; both != 0; both &= both - 1) {
        unsigned field = (unsigned)__builtin_ctzll(both);

        if (stored->tag[field] != given->tag[field])
            differing |= SES_FIELD_BIT(field);
    }
    return differing;
}

/* optional before fields: it is the difference to what was known until now. */
void ses_fingerprint_merge(struct ses_fingerprint *stored, const struct ses_fingerprint *given)
{
    stored->optional |= stored->fields ^ given->fields;
    stored->fields |= given->fields;
    for (uint64_t rest = given->fields; rest != 0; rest &= rest - 1) {
        unsigned field = (unsigned)__builtin_ctzll(rest);

        stored->tag[field] = given->tag[field];
    }
}
