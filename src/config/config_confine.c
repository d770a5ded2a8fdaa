/* As whom sessiond runs, how tightly its workers are held in, and whom they may call. Whether the names exist is asked when they are
 * used (privilege.c): a configuration may be checked on another machine. */
#include "config_loader.h"

static const char *const confine_names[SES_CONFINE_COUNT] = {
    [SES_CONFINE_ON] = "on", [SES_CONFINE_LOG] = "log", [SES_CONFINE_OFF] = "off"};

const char *ses_config_confine_name(enum ses_config_confine confine)
{
    return confine_names[confine];
}

static enum ses_status read_name(const struct loader *loader, const struct value *value,
                                 char ret_name[SES_CONFIG_USER_SIZE])
{
    ret_name[0] = '\0';
    if (value->text == NULL)
        return SES_OK;
    return ses_config_read_text(loader, value, "", SES_CONFIG_USER_SIZE, ret_name);
}

static enum ses_status read_private(const struct loader *loader, const struct ses_raw_config *raw)
{
    static const char *const names[] = {"refuse", "allow"};
    struct value value = {.text = raw->connector.private_addresses, .key = "connector.private_addresses"};
    unsigned choice = 0;

    if (value.text != NULL)
        SES_TRY(ses_config_read_choice(loader, &value, names, 2, "must be refuse or allow", &choice));
    loader->config->private_addresses = choice == 1;
    return SES_OK;
}

/* A group alone would say who may read what is made, and not who makes it. */
enum ses_status ses_config_read_confine(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct value user = ses_config_choose(loader->options->user, "--user", raw->user, "user");
    struct value group = {.text = raw->group, .key = "group"};
    struct value confine = {.text = raw->confine, .key = "confine"};
    struct ses_config *config = loader->config;
    unsigned choice = SES_CONFINE_ON;

    SES_TRY(read_name(loader, &user, config->user));
    SES_TRY(read_name(loader, &group, config->group));
    if (config->user[0] == '\0' && config->group[0] != '\0')
        return ses_config_refuse(loader, &group, "needs user: as whom sessiond shall run");
    if (confine.text != NULL)
        SES_TRY(ses_config_read_choice(loader, &confine, confine_names, SES_CONFINE_COUNT,
                                       "must be on, log or off", &choice));
    config->confine = (enum ses_config_confine)choice;
    return read_private(loader, raw);
}
