/* currency.h - a currency by its code, as tests name it; requests name it by number. */
#ifndef SESSIOND_TESTS_UNIT_CURRENCY_H
#define SESSIOND_TESTS_UNIT_CURRENCY_H

#include <string.h>

#include <sessiond/domain/money.h>

/* NULL if unknown. */
static inline const struct ses_currency *currency_by_code(const char *code)
{
    for (int64_t number = 1; number <= SES_CURRENCY_COUNT; number++) {
        const struct ses_currency *currency = ses_currency_by_number(number);

        if (strcmp(currency->code, code) == 0)
            return currency;
    }
    return NULL;
}

#endif
