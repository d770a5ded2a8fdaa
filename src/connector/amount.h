/* amount.h - our minor units into the unit that a connector counts in.
 *
 * The digits of domain/money.h are the protocol's, the same for every connector. A connector's documents may
 * say otherwise of a currency: another number of digits, or digits that must be 0. An amount that it cannot
 * take as it is must be refused before the call: sent unchanged it is a payment over another amount.
 */
#ifndef SESSIOND_SRC_CONNECTOR_AMOUNT_H
#define SESSIOND_SRC_CONNECTOR_AMOUNT_H

#include <sessiond/connector/connector.h>

struct ses_amount_rule {
    char currency[4];
    uint8_t decimals; /* digits behind the point in the connector's unit */
    uint8_t zeros;    /* of these, how many at the end must be 0 */
};

/* Rows for the currencies that differ from usual; usual.currency is not looked at. */
struct ses_amount_rules {
    struct ses_amount_rule usual;
    const struct ses_amount_rule *rows;
    size_t rows_count;
};

/* The call's amount in the connector's unit. SES_INVALID_ARGUMENT: it has a part smaller than the connector
 * takes, or is negative or too large; reason AMOUNT_NOT_ACCEPTED, metadata connector, currency,
 * multiple_of (in our minor units). */
SES_MUST_CHECK enum ses_status ses_amount_convert(const struct ses_session_call *call,
                                                  const struct ses_amount_rules *rules,
                                                  struct ses_arena *arena, int64_t *ret_amount,
                                                  struct ses_error *ret_error);

#endif
