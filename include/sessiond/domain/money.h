/* money.h - currencies of the protocol and what an amount in minor units means. */
#ifndef SESSIOND_DOMAIN_MONEY_H
#define SESSIOND_DOMAIN_MONEY_H

#include <sessiond/base/slice.h>

struct ses_currency {
    char code[4];     /* "USD" */
    uint16_t number;  /* enum types.Currency */
    uint8_t exponent; /* digits behind the decimal point: 10000 is 100.00 USD, 10000 JPY, 10.000 BHD */
    bool accepted;    /* false: known to the protocol, refused in requests */
};

#define SES_CURRENCY_COUNT 160

/* [any] NULL for 0 (unspecified) and for numbers that the protocol does not know. Static storage. */
const struct ses_currency *ses_currency_by_number(int64_t number);

#endif
