/* service_core.h - the inside of struct ses_service, for service.c and the files of its methods. */
#ifndef SESSIOND_SRC_METHOD_SERVICE_CORE_H
#define SESSIOND_SRC_METHOD_SERVICE_CORE_H

#include <sessiond/domain/session_machine.h>
#include <sessiond/method/service.h>

#include "service_keys.h"

#include <sessiond/exchange/health.h>
#include <sessiond/exchange/reflection.h>

#define SES_ROUTES_MAX 48

struct ses_service {
    struct ses_service_options options;
    struct ses_secret keys_memory;
    struct ses_service_keys *keys; /* inside keys_memory */
    struct ses_credential_cache *credentials;
    struct ses_connector_config_memo
        *passed_configs;            /* of calls that pass to the payment server; NULL: there is none */
    struct ses_session_rules rules; /* of all sessions, from the options */
    struct ses_health *health;
    struct ses_reflection *reflection;
    /* Records being read or written, inside one call of a function; never over a callback. One for all calls:
     * whoever resets it ends everybody else's views, which is safe because nobody keeps one that long. */
    struct ses_arena scratch;
    struct ses_list to_sign; /* struct ses_create, handed to the store in this turn or ready to be answered */
    struct ses_list waiting; /* struct ses_change_loop, until another call's outcome */
    struct ses_list watch_streams; /* watch_session.c */
    unsigned watch_streams_count;
    unsigned waiting_count;
    unsigned in_flight;
    bool draining; /* the worker leaves */
    bool stopping; /* so does the server */
    bool unready;  /* too many workers are missing, says the rank above */
    bool full;     /* new sessions are refused */
    struct ses_route routes[SES_ROUTES_MAX];
    size_t routes_count;
};

/* A failed payment was completed after all: somebody has to look whether it was delivered, or paid twice. x
 * names the session. */
void ses_tell_late_success(const struct ses_service *service, const struct ses_exchange *x);
/* How this merchant's browsers are treated. */
struct ses_binding_policy ses_service_binding(const struct ses_service *service, struct ses_slice merchant);
/* Before the first message: how durable what is told of a session is, x-session-durability. */
void ses_service_tell_durability(const struct ses_service *service, struct ses_exchange *x);
/* Answers with what is in the store, and says that. */
void ses_service_reply(const struct ses_service *service, struct ses_exchange *x, struct ses_slice message);
/* Is this worker able to make sessions? */
bool ses_service_serving(const struct ses_service *service);

#endif
