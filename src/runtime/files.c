/* What RLIMIT_NOFILE leaves for clients: descriptors are bounded before one is missing where it cannot be done without
 * (accept, a shard's file, a pipe to a child). */
#include "files.h"

#include <sys/resource.h>

/* Of any process of ours: loop, pipes, log, table, its shard (26 are in use). */
#define OWN 40u
/* Of each worker, in any process: its listening socket, its eventfd, its shard. */
#define OWN_PER_WORKER  5u
#define CONNECTIONS_MIN 64u
/* Of what is left, a quarter at most is for calls to connectors. */
#define CONNECTORS_PART 4u

/* Of a worker to its database: those of the configuration, one that settles, one that looks who is the primary. */
static uint64_t to_database(const struct ses_config *config)
{
    return config->pg.shards_count *
           (config->store_pg_write_connections + config->store_pg_read_connections + 2);
}

static uint64_t own(const struct ses_config *config)
{
    return OWN + OWN_PER_WORKER * (uint64_t)config->workers + to_database(config);
}

static uint64_t limit(void)
{
    struct rlimit files;

    return getrlimit(RLIMIT_NOFILE, &files) == 0 ? (uint64_t)files.rlim_cur : UINT64_MAX;
}

unsigned ses_files_connections(const struct ses_config *config)
{
    uint64_t files = limit();
    uint64_t left = files > own(config) ? files - own(config) : 0;
    uint64_t calls = left / CONNECTORS_PART;
    uint64_t connections;

    if (calls > config->connector_calls_max)
        calls = config->connector_calls_max;
    connections = left - calls;
    if (connections > config->limits_connections)
        connections = config->limits_connections;
    return connections > 0 ? (unsigned)connections : 1;
}

enum ses_status ses_files_check(const struct ses_config *config, struct ses_fault *ret_fault)
{
    uint64_t least = own(config) + CONNECTIONS_MIN;

    if (limit() >= least)
        return SES_OK;
    return ses_fault(ret_fault, SES_FULL,
                     "the limit of open files is %llu, with %u workers at least %llu are needed (ulimit -n, "
                     "LimitNOFILE)",
                     (unsigned long long)limit(), config->workers, (unsigned long long)least);
}

void ses_files_tell(const struct ses_config *config, struct ses_log *log)
{
    unsigned connections = ses_files_connections(config);

    if (connections < config->limits_connections)
        ses_log_msg(log, SES_LOG_WARN, "files_limit",
                    "the limit of open files is %llu: a worker takes %u connections, not the %llu of "
                    "limits.connections (ulimit -n, LimitNOFILE)",
                    (unsigned long long)limit(), connections, (unsigned long long)config->limits_connections);
}
