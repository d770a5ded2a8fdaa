/* rules.h - the rules by which nothing acknowledged is lost, nothing that was read is taken back, and who watches hears of
 * it. Builds with SES_TEST_HOOKS can leave one out: tests show the loss that it prevents. In others nothing can.
 */
#ifndef SESSIOND_STORE_RULES_H
#define SESSIOND_STORE_RULES_H

#include <stdbool.h>

enum pg_rule {
    PG_RULE_WARNING, /* a warning on a write makes its outcome unknown */
    PG_RULE_BARRIER, /* no answer of a server that has not acknowledged a write of this connection */
    PG_RULE_LEASE,   /* no read when the last acknowledged beat is too old */
    PG_RULE_DOUBT,   /* no read between a write that was cut short and a beat that is acknowledged */
    PG_RULE_FENCE,   /* no primary of an earlier timeline */
    PG_RULE_SEAL,    /* nothing is settled before a later beat is acknowledged */
    PG_RULE_REPLICA, /* no write where none waits for a standby, if that was asked for */
    PG_RULE_HINTS,   /* who watches is told of what is put */
    PG_RULE_ROUNDS   /* .. and looks all the same, since he may not have been */
};

#if SES_TEST_HOOKS
extern unsigned ses_pg_rules_off; /* a bit each */

static inline bool ses_pg_rule(enum pg_rule rule)
{
    return (ses_pg_rules_off >> rule & 1) == 0;
}
#else
static inline bool ses_pg_rule(enum pg_rule rule)
{
    (void)rule;
    return true;
}
#endif

#endif
