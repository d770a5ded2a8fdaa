#include "domain/currency.h"

#include <string.h>

const struct ses_currency *currency_by_code(const char *code)
{
    for (int64_t number = 1; number <= SES_CURRENCY_COUNT; number++) {
        const struct ses_currency *currency = ses_currency_by_number(number);

        if (strcmp(currency->code, code) == 0)
            return currency;
    }
    return NULL;
}
