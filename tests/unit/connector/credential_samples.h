/* credential_samples.h - the platform's x-connector-config shapes and their older headers, written down a
 * second time and in another form than src/connector/credential_table.c, so that a slip in one of them shows.
 *
 * keys: name = mandatory secret, name? = optional secret, name?s = optional text, name?k = one that is kept, name?b = optional flag,
 * name[] = list, name{} = map. legacy: "kind key=source ..; kind ..", "" where the older form is not known and any is taken; sources a = x-api-key, 1 = x-key1, 2 =
 * x-key2, s = x-api-secret, m = the map's first.
 */
#ifndef SESSIOND_TESTS_UNIT_CONNECTOR_CREDENTIAL_SAMPLES_H
#define SESSIOND_TESTS_UNIT_CONNECTOR_CREDENTIAL_SAMPLES_H

#include <stddef.h>

struct sample {
    const char *variant, *connector, *keys, *legacy;
};

extern const struct sample samples[];
extern const size_t samples_count;

#endif
