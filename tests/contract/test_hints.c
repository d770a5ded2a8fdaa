/* Two machines on PostgreSQL: who watches is told by hints, finds by looking what they do not tell, and looks often while
 * they cannot be relied upon.
 */
#include "contract.h"

#include <rules.h>

#include "contract_pg.h"

#define KILL_LISTENERS                                                                                       \
    "sql primary SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'\n"

static struct ses_store_watch watch;
static unsigned told;

static void on_news(void *arg)
{
    (void)arg;
    told++;
}

static void leave_out(enum pg_rule rule)
{
    ses_pg_rules_off = 1u << rule;
}

/* At store 0, by hints, and it has been told what there was. */
static void begin_to_watch(struct rig *rig)
{
    struct ses_store_key key = key_of(1);

    ses_pg_rules_off = 0;
    watch = (struct ses_store_watch){.changed = on_news};
    ses_list_init(&watch.node);
    assert_ok(ses_store_watch(rig->store[0], &key, &watch));
    RIG_UNTIL(rig, contract_pg_counter(rig, 0, SES_S_WATCH_HINTS) == 1);
    RIG_UNTIL(rig, told > 0);
    told = 0;
}

static void end(struct rig *rig)
{
    ses_store_unwatch(rig->store[0], &watch);
    ses_pg_rules_off = 0;
}

static void test_told_by_a_hint_alone(struct rig *rig)
{
    begin_to_watch(rig);
    leave_out(PG_RULE_ROUNDS);
    assert_ok(rig_put(rig, 1, 1, SES_VERSION_ABSENT, "one"));
    RIG_UNTIL(rig, told == 1);
    assert_ok(rig_put(rig, 1, 1, rig_get(rig, 1, 1).version, "two"));
    RIG_UNTIL(rig, told == 2);
    RIG_UNTIL(rig, contract_pg_counter(rig, 0, SES_S_HINTS_USEFUL) >= 2);
    RIG_UNTIL(rig, contract_pg_counter(rig, 1, SES_S_HINTS_SENT) >= 2);
    assert_ok(rig_put(rig, 0, 1, rig_get(rig, 0, 1).version, "three")); /* our own without */
    RIG_UNTIL(rig, told == 3);
    end(rig);
}

static void test_a_lost_hint_is_made_up_for(struct rig *rig)
{
    begin_to_watch(rig);
    leave_out(PG_RULE_HINTS);
    assert_ok(rig_put(rig, 1, 1, SES_VERSION_ABSENT, "one"));
    RIG_UNTIL(rig, told == 1);
    assert_int_equal(contract_pg_counter(rig, 0, SES_S_HINTS_RECEIVED), 0);
    end(rig);
}

static void test_a_listener_that_was_killed(struct rig *rig)
{
    begin_to_watch(rig);
    contract_pg_order(KILL_LISTENERS);
    leave_out(PG_RULE_ROUNDS); /* of the time with hints */
    RIG_UNTIL(rig, contract_pg_counter(rig, 0, SES_S_WATCH_LOOKS) == 1);
    RIG_UNTIL(rig, contract_pg_counter(rig, 0, SES_S_WATCH_HINTS) == 1);
    assert_ok(rig_put(rig, 1, 1, SES_VERSION_ABSENT, "one"));
    RIG_UNTIL(rig, told == 1);
    end(rig);
}

int main(int argc, char **argv)
{
    static const struct contract_case cases[] = {
        CONTRACT_CASE(test_told_by_a_hint_alone),
        CONTRACT_CASE(test_a_lost_hint_is_made_up_for),
        CONTRACT_CASE(test_a_listener_that_was_killed),
    };

    return contract_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
