/* The section store but for its numbers of LMDB: which driver, what an acknowledgement promises, and how PostgreSQL is
 * reached. */
#include "config_loader.h"

#include <stdio.h>

static const char *const driver_names[SES_CONFIG_DRIVER_COUNT] = {
    [SES_CONFIG_LMDB] = "lmdb", [SES_CONFIG_PG] = "pg", [SES_CONFIG_MOVE] = "lmdb+pg"};
static const char *const move_names[SES_MOVE_COUNT] = {
    [SES_MOVE_KNOW] = "know", [SES_MOVE_TO_PG] = "to_pg", [SES_MOVE_TO_LMDB] = "to_lmdb"};

const char *ses_config_driver_name(enum ses_config_driver driver)
{
    return driver_names[driver];
}

const char *ses_config_move_name(enum ses_move move)
{
    return move_names[move];
}

/* No usual one: each is a step that somebody takes on purpose. */
static enum ses_status read_move(const struct loader *loader, const struct ses_raw_store *raw)
{
    struct value value = {.text = raw->move, .key = "store.move"};
    struct value driver = {.key = "store.driver"};
    struct ses_config *config = loader->config;
    unsigned choice = SES_MOVE_KNOW;

    if (config->store_driver != SES_CONFIG_MOVE)
        return value.text == NULL
                   ? SES_OK
                   : ses_config_refuse(loader, &value,
                                       "would not be used: it goes with store.driver: lmdb+pg");
    if (value.text == NULL)
        return ses_config_refuse(
            loader, &driver, "lmdb+pg needs store.move: know, to_pg or to_lmdb (the runbook has the steps)");
    SES_TRY(ses_config_read_choice(loader, &value, move_names, SES_MOVE_COUNT,
                                   "must be know, to_pg or to_lmdb", &choice));
    config->store_move = (enum ses_move)choice;
    return SES_OK;
}

/* Of what is on this machine's disk, and of what is in the database. */
static enum ses_status read_durability_of_both(const struct loader *loader, const struct value *value)
{
    static const char *const names[] = {"replica", "disk", "process"};
    struct ses_config *config = loader->config;
    unsigned choice = 0;

    if (value->text != NULL)
        SES_TRY(ses_config_read_choice(
            loader, value, names, 3, "must be replica, disk or process with store.driver: lmdb+pg", &choice));
    config->durability = choice == 2 ? SES_DURABILITY_PROCESS : SES_DURABILITY_DISK;
    config->pg_durability = choice == 0 ? SES_DURABILITY_REPLICA : SES_DURABILITY_DISK;
    return SES_OK;
}

/* "process" trades a power cut's worth of sessions for latency; it must be asked for. A database's own disk may be enough
 * for who tries it out; that, too, must be asked for. */
static enum ses_status read_durability(const struct loader *loader, const struct ses_raw_config *raw)
{
    static const char *const names[] = {"disk", "process"};
    static const char *const pg_names[] = {"replica", "disk"};
    static const enum ses_durability pg_choices[] = {SES_DURABILITY_REPLICA, SES_DURABILITY_DISK};
    struct value value = {.text = raw->store.durability, .key = "store.durability"};
    struct ses_config *config = loader->config;
    unsigned choice = 0;

    if (config->store_driver == SES_CONFIG_MOVE)
        return read_durability_of_both(loader, &value);
    if (config->store_driver == SES_CONFIG_PG) {
        if (value.text != NULL)
            SES_TRY(ses_config_read_choice(loader, &value, pg_names, 2,
                                           "must be replica or disk with store.driver: pg", &choice));
        config->durability = pg_choices[choice];
        config->pg_durability = pg_choices[choice];
        return SES_OK;
    }
    if (value.text != NULL)
        SES_TRY(ses_config_read_choice(loader, &value, names, 2,
                                       "must be disk or process (replica needs store.driver: pg)", &choice));
    config->durability = (enum ses_durability)choice;
    return SES_OK;
}

/* ---- store.pg ----------------------------------------------------------------------------------------- */

static enum ses_status read_shard(const struct loader *loader, const char *text, unsigned shard)
{
    struct value value = {.text = text, .key = "store.pg.shards"};
    struct ses_config_pg *pg = &loader->config->pg;
    struct ses_fault fault = {.text = ""};

    SES_TRY(ses_config_read_text(loader, &value, "", sizeof(pg->shards[shard]), pg->shards[shard]));
    if (ses_pg_target_parse(pg->shards[shard], &pg->targets[shard], &fault) != SES_OK)
        return ses_config_refuse(loader, &value, fault.text);
    return SES_OK;
}

/* From those before it. Whoever lists a shard's nodes one by one would have given its keys two places. */
static enum ses_status check_apart(const struct loader *loader, unsigned shard)
{
    struct value value = {.text = loader->config->pg.shards[shard], .key = "store.pg.shards"};
    const struct ses_pg_target *targets = loader->config->pg.targets;
    struct ses_fault fault = {.text = ""};

    for (unsigned i = 0; i < shard; i++) {
        if (!ses_pg_target_is_same(&targets[i], &targets[shard]))
            continue;
        (void)!ses_fault(
            &fault, SES_INVALID_ARGUMENT,
            "names the database of shard %u once more: one connection string has all nodes of a shard "
            "(host=a,b), and each shard is a database of its own",
            i);
        return ses_config_refuse(loader, &value, fault.text);
    }
    return SES_OK;
}

/* Whoever names a database and forgets the driver would find his sessions on this machine's disk. */
static enum ses_status read_shards(const struct loader *loader, const struct ses_raw_store_pg *raw)
{
    struct value driver = {.key = "store.driver"};
    struct value value = {.key = "store.pg.shards"};
    struct ses_config *config = loader->config;

    if (!ses_config_has_pg(config) && raw->shards_count > 0)
        return ses_config_refuse(
            loader, &value, "would not be used: records go to this machine's disk. Add store.driver: pg");
    if (ses_config_has_pg(config) && raw->shards_count == 0)
        return ses_config_refuse(
            loader, &driver,
            "pg needs the database in store.pg.shards, one connection string: [\"host=a,b "
            "dbname=sessiond user=sessiond\"]");
    for (unsigned i = 0; i < raw->shards_count; i++) {
        SES_TRY(read_shard(loader, raw->shards[i], i));
        SES_TRY(check_apart(loader, i));
    }
    config->pg.shards_count = raw->shards_count;
    return SES_OK;
}

static enum ses_status read_pg_numbers(const struct loader *loader, const struct ses_raw_store_pg *raw)
{
    struct ses_config *config = loader->config;

#define READ_NUMBER(section_, key_, low_, high_, usual_)                                                     \
    {                                                                                                        \
        struct value value = {.text = raw->key_, .key = "store.pg." #key_};                                  \
        SES_TRY(ses_config_read_number(loader, &value, low_, high_, usual_, &config->section_##_##key_));    \
    }
    SES_CONFIG_STORE_PG(READ_NUMBER)
#undef READ_NUMBER
    return SES_OK;
}

/* A lease that is renewed by writes must outlast the time in which writes are waited for. */
static enum ses_status check_pg(const struct loader *loader)
{
    const struct ses_config *config = loader->config;
    struct value stall = {.key = "store.pg.stall_ms"};

    if (config->store_pg_read_lease_ms < config->store_pg_stall_ms)
        return ses_config_refuse(loader, &stall, "must not be above store.pg.read_lease_ms");
    return SES_OK;
}

/* A password and what payments are made of: not to whoever answers, unless somebody has decided it. */
static enum ses_status check_network(const struct loader *loader, const struct ses_raw_store_pg *raw)
{
    static const char *const names[] = {"refuse", "allow"};
    struct value plaintext = {.text = raw->plaintext, .key = "store.pg.plaintext"};
    struct value shards = {.key = "store.pg.shards"};
    const struct ses_config_pg *pg = &loader->config->pg;
    unsigned choice = 0;

    if (plaintext.text != NULL)
        SES_TRY(ses_config_read_choice(loader, &plaintext, names, 2, "must be refuse or allow", &choice));
    for (unsigned i = 0; i < pg->shards_count && choice == 0; i++)
        if (pg->targets[i].open_network)
            return ses_config_refuse(
                loader, &shards,
                "a connection string reaches another machine with a weak sslmode: without verify-full and "
                "sslrootcert=FILE the password and all records go to whoever answers, perhaps in the clear. "
                "store.pg.plaintext: allow takes that");
    return SES_OK;
}

static enum ses_status read_pg(const struct loader *loader, const struct ses_raw_store_pg *raw)
{
    static const char *const names[] = {"on", "off"};
    struct value prepare = {.text = raw->prepare, .key = "store.pg.prepare"};
    struct ses_config_pg *pg = &loader->config->pg;
    unsigned choice = 0;

    SES_TRY(read_shards(loader, raw));
    SES_TRY(check_network(loader, raw));
    SES_TRY(ses_config_read_pem(loader, "store.pg.password_file", raw->password_file, &pg->password));
    if (prepare.text != NULL)
        SES_TRY(ses_config_read_choice(loader, &prepare, names, 2, "must be on or off", &choice));
    pg->prepare = choice == 0;
    SES_TRY(read_pg_numbers(loader, raw));
    return check_pg(loader);
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

/* What somebody has set and waits for in vain. */
static void list_unused(const struct loader *loader)
{
    static const char *const of_lmdb[] = {
        "store.sessions_max",   "store.quota_mib",        "store.map_gib",        "store.batch_max",
        "store.gc_age_seconds", "store.scrub_per_second", "store.slow_commit_ms", "store.move_per_second"};
    struct ses_config *config = loader->config;
    size_t len = 0;

    if (config->store_driver != SES_CONFIG_PG || loader->lines->file == NULL)
        return;
    for (size_t i = 0; i < sizeof(of_lmdb) / sizeof(of_lmdb[0]); i++) {
        if (ses_config_lines_find(loader->lines, of_lmdb[i]) != 0)
            len += (size_t)snprintf(config->store_unused + len, sizeof(config->store_unused) - len, "%s%s",
                                    len == 0 ? "" : ", ", of_lmdb[i]);
    }
}

enum ses_status ses_config_read_store(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct value value = {.text = raw->store.driver, .key = "store.driver"};
    unsigned choice = SES_CONFIG_LMDB;

    if (value.text != NULL)
        SES_TRY(ses_config_read_choice(loader, &value, driver_names, SES_CONFIG_DRIVER_COUNT,
                                       "must be lmdb, pg or lmdb+pg", &choice));
    loader->config->store_driver = (enum ses_config_driver)choice;
    SES_TRY(read_move(loader, &raw->store));
    SES_TRY(read_durability(loader, raw));
    list_unused(loader);
    return read_pg(loader, &raw->store.pg);
}
