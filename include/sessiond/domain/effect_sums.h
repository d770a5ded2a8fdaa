/* effect_sums.h - what calls that follow a payment have taken of it, and how much is left: of what was authorized for captures, of
 * what was captured for refunds. Amounts in minor units of the session's currency. Pure.
 *
 * A call counts as made from the commit of its effect until it is known not to have been: one that runs, whose outcome
 * nobody knows, or whose answer is "not yet", has taken its amount, and gives nothing that another one could take.
 *
 *   authorized  the session's amount; less where the payment's answer said so
 *   captured    all of that, where the payment was charged at once, or as much as its answer said; else what captures are known to
 *               have taken; all of it, too, where the payment's end was told by an event, which does not say how
 *   returned    refunds; and a void of a payment that was captured whole, or that says itself that it came after the capture
 */
#ifndef SESSIOND_DOMAIN_EFFECT_SUMS_H
#define SESSIOND_DOMAIN_EFFECT_SUMS_H

#include <sessiond/domain/effect.h>

enum ses_effect_kind {
    SES_EFFECT_PAYMENT,
    SES_EFFECT_CAPTURE,
    SES_EFFECT_VOID,
    SES_EFFECT_REFUND,
    SES_EFFECT_OTHER
};

/* [any] By its method. */
enum ses_effect_kind ses_effect_kind_of(const struct ses_effect *effect);

enum ses_effect_made { SES_EFFECT_NOT_MADE, SES_EFFECT_PERHAPS_MADE, SES_EFFECT_MADE };

/* [any] Of a capture, void or refund: whether it was done, by the status that was told of it last. */
enum ses_effect_made ses_effect_made(const struct ses_session *session, const struct ses_effect *effect,
                                     uint64_t now_ms);

/* Each amount was at most the session's when its call began; a record of a version that looked at each by itself may
 * hold more of them than a sum can. */
static inline int64_t ses_effect_add(int64_t sum, int64_t amount)
{
    return amount > INT64_MAX - sum ? INT64_MAX : sum + amount;
}

struct ses_effect_sums {
    int64_t authorized;
    int64_t captured; /* that is known */
    int64_t capturable;
    int64_t refundable;
    bool voided; /* or perhaps: nothing is capturable */
};

/* [any] At most the session's amount, and what was authorized of it where that was told. */
int64_t ses_effect_authorized(const struct ses_session *session);
/* [any] */
void ses_effect_sum(const struct ses_session *session, uint64_t now_ms, struct ses_effect_sums *ret_sums);
/* [any] The payment that was made, where a call that passed through told its end: the last one. NULL: none, or it was told otherwise. */
struct ses_effect *ses_effect_paid(const struct ses_session *session);

#endif
