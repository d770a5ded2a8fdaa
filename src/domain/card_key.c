/* The words, and how much each says: some of them alone, some only behind a word for a card, some only with a
 * value of as many digits. Case and joints are gone when a key comes here.
 */
#include "card_key.h"

#include <sessiond/base/ascii.h>

#define LETTERS_MIN 3

/* A key without end keeps its last half: names are looked for at its end. */
void ses_card_key_push(struct ses_card_key *key, uint8_t byte)
{
    if (key->len == SES_CARD_KEY_MAX) {
        memmove(key->text, key->text + SES_CARD_KEY_MAX / 2, SES_CARD_KEY_MAX / 2);
        key->len = SES_CARD_KEY_MAX / 2;
        key->cut = true;
    }
    key->text[key->len++] = (char)ses_ascii_lower(byte);
}

enum rule {
    RULE_WHOLE,       /* the whole key, with or without a card prefix, whatever its value */
    RULE_SUFFIX,      /* also the end of a longer key, if the value looks like one */
    RULE_WHOLE_SHORT, /* the whole key, if the value looks like one */
    RULE_END_SHORT,   /* the key or its end, if the value looks like one */
    RULE_PREFIXED,    /* only behind a card prefix: alone the word means other things too */
    RULE_PIN
};

/* PCI DSS 4.0, table 2: CAV2, CVC2, CVV2, CID; PIN and PIN block; the networks' and gateways' names for
 * them. */
static const struct {
    struct ses_slice name;
    enum rule rule;
} names[] = {
    {SES_STR_INIT("cvv"), RULE_SUFFIX},
    {SES_STR_INIT("cvv2"), RULE_SUFFIX},
    {SES_STR_INIT("cvc"), RULE_SUFFIX},
    {SES_STR_INIT("cvc2"), RULE_SUFFIX},
    {SES_STR_INIT("cvn2"), RULE_SUFFIX},
    {SES_STR_INIT("cav2"), RULE_SUFFIX},
    {SES_STR_INIT("securitycode"), RULE_SUFFIX},
    {SES_STR_INIT("verificationvalue"), RULE_SUFFIX},
    {SES_STR_INIT("cvvcode"), RULE_WHOLE},
    {SES_STR_INIT("cvccode"), RULE_WHOLE},
    {SES_STR_INIT("csccode"), RULE_WHOLE},
    {SES_STR_INIT("cvvnumber"), RULE_WHOLE},
    {SES_STR_INIT("cvcnumber"), RULE_WHOLE},
    {SES_STR_INIT("cvn"), RULE_WHOLE},
    {SES_STR_INIT("cvd"), RULE_WHOLE},
    {SES_STR_INIT("cvd2"), RULE_WHOLE},
    {SES_STR_INIT("cvx2"), RULE_WHOLE},
    {SES_STR_INIT("cvp2"), RULE_WHOLE},
    {SES_STR_INIT("ccv2"), RULE_WHOLE},
    {SES_STR_INIT("pinblock"), RULE_WHOLE},
    {SES_STR_INIT("csc"), RULE_END_SHORT},
    {SES_STR_INIT("ccv"), RULE_END_SHORT},
    {SES_STR_INIT("csc2"), RULE_END_SHORT},
    {SES_STR_INIT("cvx"), RULE_WHOLE_SHORT},
    {SES_STR_INIT("cav"), RULE_WHOLE_SHORT},
    {SES_STR_INIT("cvvvalue"), RULE_WHOLE_SHORT},
    {SES_STR_INIT("cvcvalue"), RULE_WHOLE_SHORT},
    {SES_STR_INIT("cardcode"), RULE_WHOLE_SHORT},
    {SES_STR_INIT("verificationnumber"), RULE_PREFIXED},
    {SES_STR_INIT("verificationcode"), RULE_PREFIXED},
    {SES_STR_INIT("csc"), RULE_PREFIXED},
    {SES_STR_INIT("cid"), RULE_PREFIXED},
    {SES_STR_INIT("pin"), RULE_PIN},
    {SES_STR_INIT("pincode"), RULE_PIN},
    {SES_STR_INIT("pinnumber"), RULE_PIN},
};

static const struct ses_slice prefixes[] = {
    SES_STR_INIT("payment"), SES_STR_INIT("method"), SES_STR_INIT("credit"), SES_STR_INIT("debit"),
    SES_STR_INIT("card"),    SES_STR_INIT("atm"),    SES_STR_INIT("cc"),
};

/* Any number of them, in any order: "paymentMethodCardCvc". */
static struct ses_slice strip_prefixes(struct ses_slice key, bool *ret_stripped)
{
    size_t i = 0;

    while (i < sizeof(prefixes) / sizeof(prefixes[0])) {
        struct ses_slice prefix = prefixes[i++];

        if (key.len > prefix.len && key.data[0] == prefix.data[0] && ses_slice_starts(key, prefix)) {
            key = ses_slice_cut(key, prefix.len, key.len);
            *ret_stripped = true;
            i = 0;
        }
    }
    return key;
}

static bool ends_with(struct ses_slice s, struct ses_slice end)
{
    return s.len >= end.len && s.data[s.len - 1] == end.data[end.len - 1] &&
           ses_slice_eq(ses_slice_cut(s, s.len - end.len, s.len), end);
}

/* Last letters of the names above: half of all keys need no further look. */
static bool may_end_name(char letter)
{
    return letter != '\0' && strchr("vc2erndxk", letter) != NULL;
}

static enum ses_card_key_hit hit_of(enum rule rule, bool whole, bool stripped, bool ends)
{
    switch (rule) {
    case RULE_WHOLE:
        return whole ? SES_CARD_KEY_ANY : SES_CARD_KEY_NONE;
    case RULE_SUFFIX:
        return whole ? SES_CARD_KEY_ANY : ends ? SES_CARD_KEY_SHORT : SES_CARD_KEY_NONE;
    case RULE_WHOLE_SHORT:
        return whole ? SES_CARD_KEY_SHORT : SES_CARD_KEY_NONE;
    case RULE_END_SHORT:
        return ends ? SES_CARD_KEY_SHORT : SES_CARD_KEY_NONE;
    case RULE_PREFIXED:
        return whole && stripped ? SES_CARD_KEY_ANY : SES_CARD_KEY_NONE;
    case RULE_PIN:
        return whole ? SES_CARD_KEY_PIN : SES_CARD_KEY_NONE;
    }
    return SES_CARD_KEY_NONE;
}

enum ses_card_key_hit ses_card_key_check(const struct ses_card_key *key)
{
    struct ses_slice text = ses_slice(key->text, key->len);
    enum ses_card_key_hit hit = SES_CARD_KEY_NONE;
    bool stripped = false;
    struct ses_slice bare;

    if (key->len < LETTERS_MIN || !may_end_name(key->text[key->len - 1]))
        return SES_CARD_KEY_NONE;
    bare = strip_prefixes(text, &stripped);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ses_slice name = names[i].name;
        bool ends = ends_with(text, name);
        bool whole = ends && !key->cut && (ses_slice_eq(bare, name) || ses_slice_eq(text, name));
        enum ses_card_key_hit now = hit_of(names[i].rule, whole, stripped, ends);

        hit = now > hit ? now : hit;
    }
    return hit;
}

bool ses_card_key_fits(enum ses_card_key_hit hit, unsigned digits)
{
    if (hit == SES_CARD_KEY_SHORT)
        return digits == 3 || digits == 4;
    return hit == SES_CARD_KEY_ANY || (hit == SES_CARD_KEY_PIN && (digits == 4 || digits == 5));
}
