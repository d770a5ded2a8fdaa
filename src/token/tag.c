/* Why 128 bits: a forger has no way to try but to ask a server, so that 2^64 tries a second for a year would find a
 * tag with a chance of 2^-39; collisions are of no use to him, as he chooses no message that is tagged. */
#include "tag.h"

#include <sodium.h>

#include <sessiond/base/encode.h>

#define TAG_TEXT 22 /* base64url of 16 bytes */
#define MIDDLE   ",\"tag\":\""
#define END      "\"}"

_Static_assert(SES_TAG_NAME_LEN == SES_KEY_FOOTER_LEN - 1, "all but the brace");
_Static_assert(SES_TAG_NAME_LEN % 3 == 0, "texts of equal bytes are equal up to there");
_Static_assert(SES_TAG_FOOTER_LEN == SES_TAG_NAME_LEN + sizeof(MIDDLE) - 1 + TAG_TEXT + sizeof(END) - 1,
               "as tag.h says");
_Static_assert(SES_TAG_REST_TEXT == ((SES_TAG_FOOTER_LEN - SES_TAG_NAME_LEN) * 4 + 2) / 3, "as tag.h says");

static void compute(const struct ses_key *key, struct ses_paseto_scratch *scratch, size_t message_len,
                    uint8_t ret_tag[SES_TAG_BYTES])
{
    struct ses_slice pae = ses_pae_head(scratch, 2, message_len);

    (void)crypto_generichash(ret_tag, SES_TAG_BYTES, pae.data, pae.len,
                             ses_derived_key(&key->derived, SES_DERIVED_TAG), SES_DERIVED_KEY_BYTES);
}

void ses_tag_footer(const struct ses_key *key, struct ses_paseto_scratch *scratch, size_t message_len,
                    char ret_footer[SES_TAG_FOOTER_LEN])
{
    uint8_t tag[SES_TAG_BYTES];
    char text[SES_BASE64URL_SIZE(SES_TAG_BYTES)];
    char *at = ret_footer;

    compute(key, scratch, message_len, tag);
    SES_REQUIRE(ses_base64url_encode(ses_slice(tag, sizeof(tag)), text) == TAG_TEXT);
    memcpy(at, key->footer.bytes, SES_TAG_NAME_LEN);
    at += SES_TAG_NAME_LEN;
    memcpy(at, MIDDLE, sizeof(MIDDLE) - 1);
    at += sizeof(MIDDLE) - 1;
    memcpy(at, text, TAG_TEXT);
    memcpy(at + TAG_TEXT, END, sizeof(END) - 1);
}

/* One footer has one text, so it is enough to compare with what would be written. */
bool ses_tag_check(const struct ses_key *key, struct ses_paseto_scratch *scratch, size_t message_len,
                   struct ses_slice footer_text)
{
    char footer[SES_TAG_FOOTER_LEN];

    if (footer_text.len != SES_TAG_NAME_TEXT + SES_TAG_REST_TEXT)
        return false;
    ses_tag_footer(key, scratch, message_len, footer);
    return ses_paseto_footer_is(ses_slice_cut(footer_text, SES_TAG_NAME_TEXT, footer_text.len),
                                ses_slice(footer + SES_TAG_NAME_LEN, sizeof(footer) - SES_TAG_NAME_LEN));
}
