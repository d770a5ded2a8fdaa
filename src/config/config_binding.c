/* config_binding.c - how browsers are compared, by merchant. */
#include "config_loader.h"

/* A choice that has a default of its own and may differ by merchant. */
struct choice {
    const char *const *names;
    unsigned names_count;
    const char *rule;
};

/* In the order of enum ses_binding_mode and enum ses_binding_missing behind their first, "default". */
static const char *const mode_names[] = {"observe", "step_up", "enforce"};
static const char *const missing_names[] = {"allow", "refuse"};
static const struct choice modes = {mode_names, 3, "the mode must be observe, step_up or enforce"};
static const struct choice missings = {missing_names, 2, "must be allow or refuse"};

/* ret_number: from 1. */
static enum ses_status choose(const struct loader *loader, const char *key, const char *text,
                              const struct choice *choice, unsigned *ret_number)
{
    struct value value = {.text = text, .key = key};
    unsigned index = 0;

    SES_TRY(ses_config_read_choice(loader, &value, choice->names, choice->names_count, choice->rule, &index));
    *ret_number = index + 1;
    return SES_OK;
}

static enum ses_status read_usual(const struct loader *loader, const char *key, const char *text,
                                  const struct choice *choice, unsigned *ret_number)
{
    return text == NULL ? SES_OK : choose(loader, key, text, choice, ret_number);
}

static enum ses_status read_merchant(const struct loader *loader, const char *key, const char *text,
                                     const struct choice *choice, struct ses_config_merchant *row,
                                     unsigned *ret_number)
{
    struct value value = {.text = text, .key = key};

    SES_TRY(ses_config_split_merchant(loader, &value, row));
    return choose(loader, key, row->origin, choice, ret_number);
}

enum ses_status ses_config_read_binding(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;
    unsigned mode = SES_BINDING_ENFORCE;
    unsigned missing = SES_BINDING_MISSING_ALLOW;

    SES_TRY(read_usual(loader, "binding.mode", raw->binding.mode, &modes, &mode));
    SES_TRY(read_usual(loader, "binding.missing", raw->binding.missing, &missings, &missing));
    config->binding_mode = (enum ses_binding_mode)mode;
    config->binding_missing = (enum ses_binding_missing)missing;
    for (unsigned i = 0; i < raw->binding.modes_count; i++) {
        struct ses_config_merchant *row = &config->binding_modes[i];

        SES_TRY(read_merchant(loader, "binding.modes", raw->binding.modes[i], &modes, row, &mode));
        row->mode = (enum ses_binding_mode)mode;
    }
    for (unsigned i = 0; i < raw->binding.missing_modes_count; i++) {
        struct ses_config_merchant *row = &config->binding_missing_modes[i];

        SES_TRY(read_merchant(loader, "binding.missing_modes", raw->binding.missing_modes[i], &missings, row,
                              &missing));
        row->missing = (enum ses_binding_missing)missing;
    }
    config->binding_modes_count = raw->binding.modes_count;
    config->binding_missing_modes_count = raw->binding.missing_modes_count;
    return SES_OK;
}
