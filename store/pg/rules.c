#include "rules.h"

#if SES_TEST_HOOKS
unsigned ses_pg_rules_off;
#else
/* ISO C has no empty source. */
typedef int ses_pg_rules_are_on;
#endif
