/* The nodes that a shard's connection string names: reachable, encrypted, which one is the primary, their clocks and
 * versions. */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>

#define VERSION_MIN 140000 /* scans of a range of row addresses, which sweeping is made of */

struct node {
    const char *host;
    char name[SES_PG_TEXT_SIZE + 8]; /* HOST:PORT */
    bool reached;
    bool standby;
    uint32_t timeline;
};

static const char text_node[] =
    "SELECT pg_is_in_recovery() AS standby, current_setting('server_version_num') AS number,"
    " current_setting('server_version') AS release, version() AS version,"
    " CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id::text FROM pg_control_checkpoint())"
    " ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int8::text END AS timeline,"
    " current_setting('synchronous_standby_names') AS names,"
    " floor(extract(epoch FROM clock_timestamp()) * 1000)::int8 AS clock_ms";

/* What libpq took, whoever said it: the string, its environment, its default. */
static bool effective_is(PGconn *conn, const char *keyword, const char *value)
{
    PQconninfoOption *options = PQconninfo(conn);
    bool is = false;

    for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++) {
        if (strcmp(option->keyword, keyword) == 0)
            is = option->val != NULL && strcmp(option->val, value) == 0;
    }
    PQconninfoFree(options);
    return is;
}

static void check_tls(const struct pg_check *check, PGconn *conn, const struct node *node)
{
    if (PQsslInUse(conn) == 0 && ses_pg_is_near(node->host))
        ses_pg_check_say(check, SES_PG_FINE, "tls", NULL, "%s: none, and none is needed on this machine",
                         node->name);
    else if (PQsslInUse(conn) == 0)
        ses_pg_check_say(check, SES_PG_WRONG, "tls",
                         "sslmode=verify-full sslrootcert=.. in the connection string",
                         "%s: password and records go over the network in the clear", node->name);
    else if (!effective_is(conn, "sslmode", "verify-full"))
        ses_pg_check_say(check, SES_PG_WRONG, "tls",
                         "sslmode=verify-full sslrootcert=.. in the connection string",
                         "%s: encrypted, and whoever stands in between may be at the other end", node->name);
    else
        ses_pg_check_say(check, SES_PG_FINE, "tls", NULL, "%s: %s, the certificate is looked at", node->name,
                         PQsslAttribute(conn, "protocol"));
}

static void check_version(const struct pg_check *check, const PGresult *result, const struct node *node)
{
    const char *version = ses_pg_admin_text(result, "version");
    const char *release = ses_pg_admin_text(result, "release");

    if (ses_pg_admin_number(result, "number") < VERSION_MIN)
        ses_pg_check_say(check, SES_PG_WRONG, "version", "use PostgreSQL 14 or newer; 15 is what is tested",
                         "%s: PostgreSQL %s", node->name, release);
    else if (strncmp(version, "PostgreSQL ", 11) != 0 || strstr(version, "-YB-") != NULL)
        ses_pg_check_say(check, SES_PG_HINT, "version", "sessiond is tested on PostgreSQL 15 alone",
                         "%s: speaks like PostgreSQL %s and says that it is something else", node->name,
                         release);
    else
        ses_pg_check_say(check, SES_PG_FINE, "version", NULL, "%s: PostgreSQL %s", node->name, release);
}

/* The answer was made between sent and come: the difference is at least what is left outside. */
static void check_clock(const struct pg_check *check, const struct node *node, int64_t clock_ms,
                        int64_t sent_ms, int64_t come_ms)
{
    int64_t skew_ms = clock_ms < sent_ms ? clock_ms - sent_ms : clock_ms > come_ms ? clock_ms - come_ms : 0;

    if (imaxabs(skew_ms) > (int64_t)check->asked->skew_max_ms)
        ses_pg_check_say(
            check, SES_PG_WRONG, "clock",
            "chrony on both; a machine that differs by more than store.pg.skew_max_ms is not ready",
            "%s: its clock is %" PRId64 " ms %s ours", node->name, imaxabs(skew_ms),
            skew_ms > 0 ? "ahead of" : "behind");
    else
        ses_pg_check_say(check, SES_PG_FINE, "clock", NULL, "%s: its clock differs by %" PRId64 " ms",
                         node->name, imaxabs(skew_ms));
}

static void read_node(struct pg_check *check, struct pg_admin *admin, struct node *node)
{
    int64_t sent_ms = (int64_t)ses_clock_wall_ms();
    struct ses_fault fault = {.text = ""};
    PGresult *result = NULL;

    check_tls(check, admin->conn, node);
    if (ses_pg_admin_ask(admin, text_node, NULL, 0, &fault, &result) != SES_OK) {
        ses_pg_check_say(check, SES_PG_WRONG, "node", "look into the server's log", "%s: %s", node->name,
                         fault.text);
        return;
    }
    node->reached = true;
    node->standby = ses_pg_admin_is(result, "standby");
    node->timeline = (uint32_t)ses_pg_admin_number(result, "timeline");
    check_version(check, result, node);
    check_clock(check, node, ses_pg_admin_number(result, "clock_ms"), sent_ms, (int64_t)ses_clock_wall_ms());
    if (node->standby && check->asked->durability == SES_DURABILITY_REPLICA &&
        ses_pg_admin_text(result, "names")[0] == '\0')
        ses_pg_check_say(
            check, SES_PG_HINT, "standby",
            "set synchronous_standby_names on every node, unless a failover manager does it at a failover",
            "%s: as a primary it would not wait for a standby", node->name);
    PQclear(result);
}

static void look_at_node(struct pg_check *check, struct node *node, unsigned at, uint32_t *highest)
{
    struct pg_admin admin = {.conn = NULL};
    struct ses_fault fault = {.text = ""};

    node->host = check->target.names.host[at];
    (void)snprintf(node->name, sizeof(node->name), "%s:%u", node->host,
                   (unsigned)check->target.names.port[at]);
    if (ses_pg_admin_connect(&admin, &check->target, at, check->asked->place.password,
                             check->asked->place.timeout_ms, &fault) != SES_OK) {
        ses_pg_check_say(check, SES_PG_WRONG, "node",
                         "its address, firewall, pg_hba.conf, the role's password, its certificate", "%s",
                         fault.text);
        return;
    }
    read_node(check, &admin, node);
    if (node->reached)
        ses_pg_check_pooler(check, &admin, at, node->name);
    if (node->reached && !node->standby && node->timeline > *highest) {
        ses_pg_admin_close(&check->admin);
        check->admin = admin;
        *highest = node->timeline;
    } else
        ses_pg_admin_close(&admin);
}

static void judge_node(const struct pg_check *check, const struct node *node, uint32_t highest)
{
    if (!node->reached)
        return;
    if (!node->standby && node->timeline < highest)
        ses_pg_check_say(
            check, SES_PG_WRONG, "primary",
            "stop it, and make it a standby of the other one (pg_rewind, or a new base backup)",
            "%s: accepts writes on timeline %u, which another node has left behind: it is %u there",
            node->name, node->timeline, highest);
    else if (node->standby && node->timeline < highest)
        ses_pg_check_say(
            check, SES_PG_HINT, "standby", "if it does not catch up, make a new base backup of it",
            "%s: a standby on timeline %u, the primary is on %u", node->name, node->timeline, highest);
    else
        ses_pg_check_say(check, SES_PG_FINE, node->standby ? "standby" : "primary", NULL, "%s: timeline %u",
                         node->name, node->timeline);
}

bool ses_pg_check_nodes(struct pg_check *check)
{
    struct node nodes[SES_PG_NODES_MAX] = {{.host = NULL}};
    unsigned count = check->target.names.nodes;
    uint32_t highest = 0;

    for (unsigned i = 0; i < count; i++)
        look_at_node(check, &nodes[i], i, &highest);
    for (unsigned i = 0; i < count; i++)
        judge_node(check, &nodes[i], highest);
    if (count == 1 && check->asked->durability == SES_DURABILITY_REPLICA)
        ses_pg_check_say(
            check, SES_PG_HINT, "node", "name the standby too: host=a,b",
            "the connection string names one node: nothing is found after a failover, unless an address moves");
    if (highest == 0)
        ses_pg_check_say(check, SES_PG_WRONG, "primary",
                         "promote a standby, or name the node that is the primary",
                         "none of the nodes is a primary that answers");
    return highest != 0;
}
