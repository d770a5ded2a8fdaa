/* currency.h - a currency by its code, as tests name it; requests name it by number. */
#ifndef SESSIOND_TESTS_UNIT_DOMAIN_CURRENCY_H
#define SESSIOND_TESTS_UNIT_DOMAIN_CURRENCY_H

#include <sessiond/domain/money.h>

/* NULL if unknown. */
const struct ses_currency *currency_by_code(const char *code);

#endif
