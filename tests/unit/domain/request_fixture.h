/* request_fixture.h - requests for the domain's tests. */
#ifndef SESSIOND_TESTS_UNIT_DOMAIN_REQUEST_FIXTURE_H
#define SESSIOND_TESTS_UNIT_DOMAIN_REQUEST_FIXTURE_H

#include <sessiond/domain/idempotency.h>

/* They make the field present; text is borrowed. */
void set_text(struct ses_session_request *request, enum ses_field field, const char *text);

void set_number(struct ses_session_request *request, enum ses_field field, int64_t number);

void clear_field(struct ses_session_request *request, enum ses_field field);

/* The smallest request that is right. */
struct ses_session_request minimal_request(void);

/* Every field set. */
struct ses_session_request full_request(void);

void set_access_token(struct ses_session_request *request, const char *token);

#endif
