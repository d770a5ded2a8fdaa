/* card_key.h - keys that announce what authenticates a card: its verification value, its PIN. */
#ifndef SESSIOND_SRC_DOMAIN_CARD_KEY_H
#define SESSIOND_SRC_DOMAIN_CARD_KEY_H

#include <sessiond/base/slice.h>

#define SES_CARD_KEY_MAX 48 /* letters of a key remembered; of a longer one its end */

/* A key as it is read: letters and digits in lower case, what joins words left out. */
struct ses_card_key {
    char text[SES_CARD_KEY_MAX];
    size_t len;
    bool cut; /* its beginning was dropped */
};

enum ses_card_key_hit {
    SES_CARD_KEY_NONE,
    SES_CARD_KEY_SHORT, /* counts if the value has 3 or 4 digits */
    SES_CARD_KEY_PIN,   /* counts if the value has 4 or 5 digits: six are an Indian postal code */
    SES_CARD_KEY_ANY    /* whatever the value */
};

/* [any] Letters in any case and digits; others are the caller's to leave out. */
void ses_card_key_push(struct ses_card_key *key, uint8_t byte);
enum ses_card_key_hit ses_card_key_check(const struct ses_card_key *key);

/* [any] Is a value of that many digits what the key announced? */
bool ses_card_key_fits(enum ses_card_key_hit hit, unsigned digits);

#endif
