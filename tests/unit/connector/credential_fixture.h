/* credential_fixture.h - resolving without a cache, and what a refusal looks like. */
#ifndef SESSIOND_TESTS_UNIT_CONNECTOR_CREDENTIAL_FIXTURE_H
#define SESSIOND_TESTS_UNIT_CONNECTOR_CREDENTIAL_FIXTURE_H

#include "connector_fixture.h"
#include "credential_samples.h"

/* f->credentials or f->error. */
enum ses_status resolve(struct fixture *f, const struct ses_connector_headers *headers);

/* f->error blames this header, and this key in it unless NULL. */
void assert_refused(const struct fixture *f, const char *reason, const char *header, const char *key);

void init(struct fixture *f);

#endif
