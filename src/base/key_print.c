#include <sessiond/base/key_print.h>

#include <sessiond/base/hash.h>
#include <sessiond/base/secret.h>

/* Kind and id are part of what is hashed: one secret in two files has two fingerprints, so that nobody who reads them
 * learns even that. */
void ses_key_print_make(enum ses_key_print_kind kind, enum ses_key_print_use use, const char *id,
                        struct ses_slice secret, struct ses_key_print *ret_print)
{
    const uint8_t kind_byte = (uint8_t)kind;
    const struct ses_slice parts[] = {ses_slice(&kind_byte, 1), ses_slice_str(id)};
    uint8_t key[SES_HASH_BYTES];
    uint8_t hash[SES_HASH_BYTES];
    size_t len = strlen(id);

    SES_REQUIRE(len < sizeof(ret_print->id));
    ses_hash(secret, ses_slice_str("sessiond key fingerprint 1"), key);
    ses_hash_parts(ses_slice(key, sizeof(key)), parts, sizeof(parts) / sizeof(parts[0]), hash);
    memset(ret_print, 0, sizeof(*ret_print));
    ret_print->kind = kind;
    ret_print->use = use;
    memcpy(ret_print->id, id, len + 1);
    memcpy(ret_print->print, hash, sizeof(ret_print->print));
    ses_wipe(key, sizeof(key));
}
