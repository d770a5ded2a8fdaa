#include <sessiond/domain/fingerprint.h>

#include <sodium.h>

_Static_assert(SES_TAG_KEY_BYTES == crypto_shorthash_KEYBYTES, "SipHash-2-4 key");

uint64_t ses_tag(const struct ses_tag_key *key, struct ses_slice bytes)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t tag = 0;

    (void)crypto_shorthash(out, bytes.data, bytes.len, key->bytes);
    for (size_t i = 0; i < sizeof(out); i++)
        tag |= (uint64_t)out[i] << (8 * i);
    return tag;
}

uint64_t ses_fingerprint_differing(const struct ses_fingerprint *a, const struct ses_fingerprint *b)
{
    uint64_t differing = a->fields ^ b->fields;
    uint64_t both = a->fields & b->fields;

    while (both != 0) {
        unsigned field = (unsigned)__builtin_ctzll(both);

        if (a->tag[field] != b->tag[field])
            differing |= SES_FIELD_BIT(field);
        both &= both - 1;
    }
    return differing;
}
