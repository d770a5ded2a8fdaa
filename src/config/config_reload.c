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
                   differs(&setting, SES_CONFIG_AT_STORE_DRIVER, ses_config_driver_name(old->store_driver),
                           ses_config_driver_name(fresh->store_driver)) ||
                   number_differs(&setting, SES_CONFIG_AT_SESSIONS_MAX, old->store_sessions_max,
                                  fresh->store_sessions_max);
    enum ses_status status;

    if (!changed)
        return SES_OK;
    status = ses_fault(
        ret_fault, SES_FAILED_PRECONDITION,
        "cannot be changed by a reload: restart sessiond for it, or go back to what it runs with (%s)",
        setting.value[0] == '\0' ? "nothing is set" : setting.value);
    return ses_config_place(fresh, setting.at, status, ret_fault);
}
