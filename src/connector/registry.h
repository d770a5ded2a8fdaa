/* registry.h - the connector table as the files of this rank see it. */
#ifndef SESSIOND_SRC_CONNECTOR_REGISTRY_H
#define SESSIOND_SRC_CONNECTOR_REGISTRY_H

#include <sessiond/connector/connector.h>

/* Numbers 1..121 without a gap (checked by a test), then the names that share a number. */
#define SES_CONNECTOR_NUMBER_MAX 121
#define SES_CONNECTOR_ROWS       (SES_CONNECTOR_NUMBER_MAX + 1)

extern const struct ses_connector ses_connector_table[SES_CONNECTOR_ROWS];

extern const struct ses_connector_ops ses_nuvei_ops;
extern const struct ses_connector_ops ses_paytm_ops;
extern const struct ses_connector_ops ses_stripe_ops;

/* NULL if no connector has that config variant. */
const struct ses_connector *ses_connector_by_variant(const char *variant);
/* A variant of the protocol's oneof behind which the platform has no connector. */
bool ses_connector_variant_unsupported(const char *variant);
/* False for connectors that the enum knows and the platform does not implement. */
bool ses_connector_supported(const struct ses_connector *connector);
/* The names that x-connector takes, or with variants the keys that x-connector-config does, as "a, b, c": for whoever
 * has named none of them. NULL when out of memory. */
const char *ses_connector_list(bool variants, struct ses_arena *arena);

#endif
