/* The currencies by number, which is their place. */
#include <sessiond/domain/money.h>

#include "currency_table.h"

#define ROW(code_, number_, exponent_, accepted_) [(number_)-1] = {#code_, number_, exponent_, accepted_},
static const struct ses_currency currencies[] = {SES_CURRENCY_TABLE(ROW)};
#undef ROW

_Static_assert(sizeof(currencies) / sizeof(currencies[0]) == SES_CURRENCY_COUNT, "one row per currency");

const struct ses_currency *ses_currency_by_number(int64_t number)
{
    return number < 1 || number > SES_CURRENCY_COUNT ? NULL : &currencies[number - 1];
}
