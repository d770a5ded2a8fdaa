/* Looking connectors up by number, name or config variant. A number is a place in the table; names are
 * searched one by one, 122 comparisons at most, and seldom: callers' headers are cached.
 */
#include "registry.h"

#include <stdio.h>

/* All names, 1179 bytes just now. */
#define LIST_SIZE 2048

/* In the protocol's oneof, with no connector behind them. */
static const struct {
    const char *variant;
    const char *name; /* in the enum, or NULL */
} unsupported[] = {
    {"Screenstream", NULL},   {"Ebanx", "ebanx"},       {"Globepay", "globepay"},
    {"Coinbase", "coinbase"}, {"Coingate", "coingate"},
};

#define UNSUPPORTED_COUNT (sizeof(unsupported) / sizeof(unsupported[0]))

const struct ses_connector *ses_connector_by_name(struct ses_slice name)
{
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++) {
        if (ses_slice_eq_str(name, ses_connector_table[i].name))
            return &ses_connector_table[i];
    }
    return NULL;
}

const struct ses_connector *ses_connector_find(uint32_t number, struct ses_slice name)
{
    if (number == 0 || number > SES_CONNECTOR_NUMBER_MAX)
        return NULL;
    if (name.len == 0 || ses_slice_eq_str(name, ses_connector_table[number - 1].name))
        return &ses_connector_table[number - 1];
    for (size_t i = SES_CONNECTOR_NUMBER_MAX; i < SES_CONNECTOR_ROWS; i++) {
        if (ses_connector_table[i].number == number && ses_slice_eq_str(name, ses_connector_table[i].name))
            return &ses_connector_table[i];
    }
    return NULL;
}

const struct ses_connector *ses_connector_by_variant(const char *variant)
{
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++) {
        const char *candidate = ses_connector_table[i].variant;

        if (candidate != NULL && strcmp(candidate, variant) == 0)
            return &ses_connector_table[i];
    }
    return NULL;
}

bool ses_connector_variant_unsupported(const char *variant)
{
    for (size_t i = 0; i < UNSUPPORTED_COUNT; i++) {
        if (strcmp(unsupported[i].variant, variant) == 0)
            return true;
    }
    return false;
}

bool ses_connector_supported(const struct ses_connector *connector)
{
    for (size_t i = 0; i < UNSUPPORTED_COUNT; i++) {
        if (unsupported[i].name != NULL && strcmp(unsupported[i].name, connector->name) == 0)
            return false;
    }
    return true;
}

/* NULL: not to be listed. */
static const char *listed(const struct ses_connector *connector, bool variants)
{
    if (!ses_connector_supported(connector))
        return NULL;
    return variants ? connector->variant : connector->name;
}

const char *ses_connector_list(bool variants, struct ses_arena *arena)
{
    char *list = ses_arena_alloc(arena, LIST_SIZE);
    size_t len = 0;

    for (size_t i = 0; list != NULL && i < SES_CONNECTOR_ROWS; i++) {
        const char *name = listed(&ses_connector_table[i], variants);

        if (name == NULL)
            continue;
        SES_REQUIRE(len + strlen(name) + 3 <= LIST_SIZE); /* the table has grown */
        len += (size_t)snprintf(list + len, LIST_SIZE - len, "%s%s", len == 0 ? "" : ", ", name);
    }
    return list;
}

const char *ses_connector_metric_name(int metric)
{
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++) {
        if (metric >= 0 && ses_connector_table[i].metric == metric)
            return ses_connector_table[i].name;
    }
    return NULL;
}
