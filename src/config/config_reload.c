/* What a running server cannot take over: what was made before the first fork and is shared by all processes since
 * (sockets, lock, table, one shard a worker), and as whom they run. The first difference is named, one is enough to refuse.
 * Port 0 was replaced by the present one before. */
#include <sessiond/config/config.h>

#include <stdio.h>

#define VALUE_SIZE (SES_CONFIG_PATH_SIZE / 2)

/* Of those that were looked at the last, and what it is while the server runs. */
struct setting {
    enum ses_config_place at;
    char value[VALUE_SIZE];
};

static bool differs(struct setting *setting, enum ses_config_place at, const char *old, const char *fresh)
{
    setting->at = at;
    (void)snprintf(setting->value, sizeof(setting->value), "%.*s", VALUE_SIZE - 1, old);
    return strcmp(old, fresh) != 0;
}

static bool number_differs(struct setting *setting, enum ses_config_place at, uint64_t old, uint64_t fresh)
{
    setting->at = at;
    (void)snprintf(setting->value, sizeof(setting->value), "%llu", (unsigned long long)old);
    return old != fresh;
}

/* The driver as one word with the step of a move. */
enum step { STEP_LMDB, STEP_KNOW, STEP_TO_PG, STEP_TO_LMDB, STEP_PG, STEPS };

static enum step step_of(const struct ses_config *config)
{
    static const enum step steps[SES_MOVE_COUNT] = {
        [SES_MOVE_KNOW] = STEP_KNOW, [SES_MOVE_TO_PG] = STEP_TO_PG, [SES_MOVE_TO_LMDB] = STEP_TO_LMDB};

    if (config->store_driver == SES_CONFIG_MOVE)
        return steps[config->store_move];
    return config->store_driver == SES_CONFIG_PG ? STEP_PG : STEP_LMDB;
}

/* Workers of both run side by side while a reload replaces them. One of lmdb looks for a key in LMDB alone, one of pg in
 * PostgreSQL alone: beside them none may be that makes keys where they do not look. */
static bool may_follow(enum step old, enum step fresh)
{
    static const uint8_t followers[STEPS] = {
        [STEP_LMDB] = 1u << STEP_KNOW,
        [STEP_KNOW] = 1u << STEP_LMDB | 1u << STEP_TO_PG | 1u << STEP_TO_LMDB,
        [STEP_TO_PG] = 1u << STEP_KNOW | 1u << STEP_TO_LMDB | 1u << STEP_PG,
        [STEP_TO_LMDB] = 1u << STEP_KNOW | 1u << STEP_TO_PG | 1u << STEP_LMDB,
        [STEP_PG] = 1u << STEP_TO_PG,
    };

    return old == fresh || (followers[old] >> fresh & 1) != 0;
}

static enum ses_status refuse_step(const struct ses_config *fresh, enum step old, struct ses_fault *fault)
{
    static const char *const next[STEPS] = {
        [STEP_LMDB] = "store.driver: lmdb+pg with store.move: know",
        [STEP_KNOW] = "store.move: to_pg or to_lmdb, or store.driver: lmdb",
        [STEP_TO_PG] = "store.driver: pg, or store.move: know or to_lmdb",
        [STEP_TO_LMDB] = "store.driver: lmdb, or store.move: know or to_pg",
        [STEP_PG] = "store.driver: lmdb+pg with store.move: to_pg",
    };
    enum ses_status status =
        ses_fault(fault, SES_FAILED_PRECONDITION,
                  "sessions move by steps, each a reload: behind what it runs with comes %s", next[old]);

    return ses_config_place(fresh, SES_CONFIG_AT_STORE_DRIVER, status, fault);
}

enum ses_status ses_config_check_reload(const struct ses_config *old, const struct ses_config *fresh,
                                        struct ses_fault *ret_fault)
{
    struct setting setting;
    bool changed = differs(&setting, SES_CONFIG_AT_LISTEN, old->listen.text, fresh->listen.text) ||
                   differs(&setting, SES_CONFIG_AT_ADMIN, old->admin.text, fresh->admin.text) ||
                   (fresh->sandbox &&
                    differs(&setting, SES_CONFIG_AT_SIMULATOR, old->simulator.text, fresh->simulator.text)) ||
                   differs(&setting, SES_CONFIG_AT_DATA_DIR, old->data_dir, fresh->data_dir) ||
                   differs(&setting, SES_CONFIG_AT_USER, old->user, fresh->user) ||
                   differs(&setting, SES_CONFIG_AT_GROUP, old->group, fresh->group) ||
                   number_differs(&setting, SES_CONFIG_AT_WORKERS, old->workers, fresh->workers) ||
                   number_differs(&setting, SES_CONFIG_AT_SESSIONS_MAX, old->store_sessions_max,
                                  fresh->store_sessions_max);
    enum ses_status status;

    if (!changed)
        return may_follow(step_of(old), step_of(fresh)) ? SES_OK
                                                        : refuse_step(fresh, step_of(old), ret_fault);
    status = ses_fault(
        ret_fault, SES_FAILED_PRECONDITION,
        "cannot be changed by a reload: restart sessiond for it, or go back to what it runs with (%s)",
        setting.value[0] == '\0' ? "nothing is set" : setting.value);
    return ses_config_place(fresh, setting.at, status, ret_fault);
}
