/* registry.h - the connector table as the files of this rank see it. */
#ifndef SESSIOND_SRC_CONNECTOR_REGISTRY_H
#define SESSIOND_SRC_CONNECTOR_REGISTRY_H

#include <sessiond/connector/connector.h>

/* Numbers 1..131 without a gap (checked by a test), then the names that share a number. */
#define SES_CONNECTOR_NUMBER_MAX 131
#define SES_CONNECTOR_ROWS       (SES_CONNECTOR_NUMBER_MAX + 2)

extern const struct ses_connector ses_connector_table[SES_CONNECTOR_ROWS];

extern const struct ses_connector_ops ses_nuvei_ops;
extern const struct ses_connector_ops ses_paytm_ops;
extern const struct ses_connector_ops ses_stripe_ops;
extern const struct ses_connector_ops ses_payu_ops;
extern const struct ses_connector_ops ses_authorizedotnet_ops;

/* NULL if no connector has that config variant. */
const struct ses_connector *ses_connector_by_variant(const char *variant);
/* A row in arena for a name that the table has not. SES_MALFORMED: no connector's name; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_connector_unlisted(struct ses_slice name, struct ses_arena *arena,
                                                      const struct ses_connector **ret_connector);
/* The same from a variant that no row has, by the name it is made of; which may be a row's, one that had no variant when this
 * table was written. */
SES_MUST_CHECK enum ses_status ses_connector_of_variant(const char *variant, struct ses_arena *arena,
                                                        const struct ses_connector **ret_connector);
/* A variant of the protocol's oneof behind which the platform has no connector. */
bool ses_connector_variant_unsupported(const char *variant);
/* False for connectors that the enum knows and the platform does not implement. */
bool ses_connector_supported(const struct ses_connector *connector);
/* The names that x-connector takes, or with variants the keys that x-connector-config does, as "a, b, c": for whoever
 * has named none of them. NULL when out of memory. */
const char *ses_connector_list(bool variants, struct ses_arena *arena);

#endif
