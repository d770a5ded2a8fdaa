/* Where settings stand, for what is found wrong with them after the file was read. */
#include "config_loader.h"

static const char *const keys[SES_CONFIG_PLACES_COUNT] = {
#define KEY(name, key, option) [SES_CONFIG_AT_##name] = (key),
    SES_CONFIG_PLACES(KEY)
#undef KEY
};

static const char *const option_names[SES_CONFIG_PLACES_COUNT] = {
#define OPTION(name, key, option) [SES_CONFIG_AT_##name] = (option),
    SES_CONFIG_PLACES(OPTION)
#undef OPTION
};

void ses_config_find_places(const struct loader *loader)
{
    const struct ses_options *options = loader->options;
    struct ses_config *config = loader->config;
    const char *given[SES_CONFIG_PLACES_COUNT] = {
        [SES_CONFIG_AT_LISTEN] = options->listen,       [SES_CONFIG_AT_ADMIN] = options->admin,
        [SES_CONFIG_AT_SIMULATOR] = options->simulator, [SES_CONFIG_AT_DATA_DIR] = options->data,
        [SES_CONFIG_AT_USER] = options->user,           [SES_CONFIG_AT_WORKERS] = options->workers};

    for (size_t i = 0; i < SES_CONFIG_PLACES_COUNT; i++) {
        config->by_option[i] = given[i] != NULL;
        if (given[i] == NULL && loader->lines->file != NULL)
            config->lines[i] = (unsigned)ses_config_lines_find(loader->lines, keys[i]);
    }
}

enum ses_status ses_config_place(const struct ses_config *config, enum ses_config_place at,
                                 enum ses_status status, struct ses_fault *fault)
{
    struct ses_fault what;

    if (status == SES_OK)
        return SES_OK;
    what = *fault;
    if (config->by_option[at])
        return ses_fault(fault, status, "%s: %s", option_names[at], what.text);
    if (config->lines[at] == 0)
        return ses_fault(fault, status, "%s: %s", keys[at], what.text);
    return ses_fault(fault, status, "%s:%u: %s: %s", config->file, config->lines[at], keys[at], what.text);
}
