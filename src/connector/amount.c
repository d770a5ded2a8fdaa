/* Powers of ten in whole numbers; what does not divide, or would overflow, is refused and never rounded. */
#include "amount.h"

static const struct ses_amount_rule *rule_of(const struct ses_amount_rules *rules, const char *currency)
{
    for (size_t i = 0; i < rules->rows_count; i++) {
        if (strcmp(rules->rows[i].currency, currency) == 0)
            return &rules->rows[i];
    }
    return &rules->usual;
}

static int64_t power_of_ten(unsigned digits)
{
    int64_t power = 1;

    SES_REQUIRE(digits <= 9);
    while (digits-- > 0)
        power *= 10;
    return power;
}

static enum ses_status refuse(const struct ses_session_call *call, int64_t multiple, struct ses_arena *arena,
                              struct ses_error *error)
{
    const char *connector = call->credentials->connector->name;
    const char *step = ses_arena_printf(arena, "%lld", (long long)multiple);
    const char *text =
        multiple == 0 ? ses_arena_printf(arena, "cannot be told to %s in %s", connector, call->currency)
                      : ses_arena_printf(arena, "must be a multiple of %lld: %s takes no smaller part of %s",
                                         (long long)multiple, connector, call->currency);

    ses_error_refuse(error, SES_REASON_AMOUNT_NOT_ACCEPTED,
                     text == NULL ? SES_STR("cannot be told to the connector") : ses_slice_str(text));
    ses_error_metadata(error, SES_STR("connector"), ses_slice_str(connector));
    ses_error_metadata(error, SES_STR("currency"), ses_slice_str(call->currency));
    if (step != NULL && multiple != 0)
        ses_error_metadata(error, SES_STR("multiple_of"), ses_slice_str(step));
    return error->status;
}

/* In whole numbers: a double has lost units above 2^53. */
enum ses_status ses_amount_convert(const struct ses_session_call *call, const struct ses_amount_rules *rules,
                                   struct ses_arena *arena, int64_t *ret_amount, struct ses_error *ret_error)
{
    const struct ses_amount_rule *rule = rule_of(rules, call->currency);
    unsigned kept = rule->decimals - rule->zeros; /* digits behind the point that may differ from 0 */
    int64_t multiple = call->exponent > kept ? power_of_ten(call->exponent - kept) : 1;
    int64_t amount = call->minor_amount;

    if (amount < 0)
        return refuse(call, 0, arena, ret_error);
    if (amount % multiple != 0)
        return refuse(call, multiple, arena, ret_error);
    if (call->exponent >= rule->decimals)
        amount /= power_of_ten(call->exponent - rule->decimals);
    else if (__builtin_mul_overflow(amount, power_of_ten(rule->decimals - call->exponent), &amount))
        return refuse(call, 0, arena, ret_error);
    *ret_amount = amount;
    return SES_OK;
}
