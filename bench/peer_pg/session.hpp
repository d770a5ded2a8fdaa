/* session.hpp - the rules of a session, over the record that sessiond keeps too (sessiond/store/v1/record.proto): what is stored of
 * a call, which event moves it where, what the caller is shown. Nothing here waits or asks anybody. */
#ifndef PEER_PG_SESSION_HPP
#define PEER_PG_SESSION_HPP

#include <grpcpp/support/status.h>

#include "payment_types/merchant_authentication.pb.h"
#include "sessiond/store/v1/record.pb.h"
#include "sessiond/v1/session.pb.h"

#include "secrets.hpp"
#include "token.hpp"

namespace peer
{

namespace api = sessiond::v1;
using create_request = types::MerchantAuthenticationServiceCreateSessionTokenRequest;
using create_response = types::MerchantAuthenticationServiceCreateSessionTokenResponse;
using record = sessiond::store::v1::SessionRecord;

constexpr uint64_t ttl_ms = 900 * 1000;

/* Who calls, by metadata. */
struct caller {
    std::string merchant;
    std::string connector;
    std::string config;
};

/* INVALID_ARGUMENT names the field. */
grpc::Status check_create(const create_request &request, const caller &who);
void begin_session(const secrets &keys, const create_request &request, const caller &who, uint64_t now,
                   record *ret_session);
/* Whether a stored session is what this call asks for: then its token is made once more. */
bool is_same(const record &stored, const record &asked);

/* The token that stands for the session as it is now. */
claims claims_of(const secrets &keys, const session_id &id, const record &session);
/* Another session's token, an older generation's, one whose time is over. */
grpc::Status check_token(const claims &token, const session_id &id, const record &session, uint64_t now);
bool is_bound_browser(const secrets &keys, const record &session, const api::BrowserInformation &browser);

/* UNSPECIFIED: an event of that id is another one's. */
api::EventOutcome apply_event(record *session, api::SessionEvent event, const std::string &event_id,
                              uint64_t now);
/* REDIRECT_STARTED, with a step that a handle belongs to. */
api::EventOutcome begin_step(record *session, const api::BeginStepRequest &request, const session_id &step,
                             uint64_t now);

/* The session as callers see it. */
void show(const session_id &id, const record &session, bool browser_matches, uint64_t now,
          api::Session *ret_shown);

} // namespace peer

#endif
