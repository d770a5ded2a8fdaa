#include "session.hpp"

#include <algorithm>

#include "text.hpp"

namespace peer
{

namespace
{

namespace store = sessiond::store::v1;

constexpr uint64_t closed_ms = 3600 * 1000, step_ms = 900 * 1000, overlap_ms = 30 * 1000;
constexpr size_t id_max = 255;
constexpr int events_max = 16;
constexpr uint32_t facet_user_agent = 1, facet_language = 2;

/* Fields of a creation that a repeated call must have alike; their bit in payload_fields, and their tag. */
enum field : uint32_t {
    field_amount,
    field_currency,
    field_metadata,
    field_accept,
    field_agent,
    field_language,
    field_ip
};

/* By status, 1 to 10: where each event leads (the table at SessionStatus in session.proto), 0: it is late. */
constexpr uint8_t moves[11][13] = {
    {},
    {0, 2, 3, 0, 0, 5, 6, 7, 0, 0, 9, 8, 0}, /* OPEN */
    {0, 0, 3, 4, 1, 5, 6, 7, 1, 1, 9, 8, 1}, /* AUTHENTICATING */
    {0, 0, 3, 4, 1, 5, 6, 7, 1, 1, 9, 8, 1}, /* REDIRECTED */
    {0, 2, 3, 0, 1, 5, 6, 7, 1, 0, 9, 8, 1}, /* RETURNED */
    {0, 0, 0, 0, 0, 0, 6, 7, 0, 0, 0, 0, 1}, /* PROCESSING */
    {},                                      /* COMPLETED */
    {0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0}, /* FAILED */
};

bool is_closed(const record &session)
{
    return session.status() >= store::SESSION_STATUS_COMPLETED;
}

bool begins_a_generation(api::SessionEvent event)
{
    return event == api::SESSION_EVENT_CHALLENGE_PASSED || event == api::SESSION_EVENT_ATTEMPT_FAILED;
}

void put_field(const secrets &keys, record *session, field which, std::string_view value)
{
    session->set_payload_fields(session->payload_fields() | UINT64_C(1) << which);
    session->add_payload_tags(keys.tag(which, value));
}

template <typename browser> void bind(const secrets &keys, const browser &from, record *session)
{
    if (from.has_user_agent()) {
        session->set_binding_facets(session->binding_facets() | facet_user_agent);
        session->add_binding_tags(keys.tag(facet_user_agent << 4, from.user_agent()));
    }
    if (from.has_accept_language()) {
        session->set_binding_facets(session->binding_facets() | facet_language);
        session->add_binding_tags(keys.tag(facet_language << 4, from.accept_language()));
    }
    auto hash = keys.hash(from.user_agent());
    session->set_binding_hash(hash.data(), hash.size());
}

void set_end(record *session)
{
    uint64_t end = session->own_expires_ms();

    if (is_closed(*session))
        end = session->updated_ms() + closed_ms;
    else if (session->has_open_step())
        end = std::max(end, session->open_step().expires_ms());
    session->set_expires_ms(end);
}

void remember(record *session, api::SessionEvent event, const std::string &event_id, bool late, uint64_t now)
{
    auto *events = session->mutable_applied_events();

    if (events->size() >= events_max)
        events->DeleteSubrange(0, 1);
    auto *row = events->Add();
    row->set_event_id(event_id);
    row->set_version(session->version());
    row->set_late(late);
    row->set_event(static_cast<uint32_t>(event));
    row->set_at_ms(now);
}

void end_step(record *session)
{
    if (!session->has_open_step())
        return;
    auto *past = session->add_past_steps();
    past->set_step_id(session->open_step().step_id());
    past->set_name(session->open_step().name());
    past->set_return_url(session->open_step().return_url());
    session->clear_open_step();
}

} // namespace

grpc::Status check_create(const create_request &request, const caller &who)
{
    auto refuse = [](const char *what) { return grpc::Status(grpc::INVALID_ARGUMENT, what); };

    if (request.merchant_session_id().empty() || request.merchant_session_id().size() > id_max)
        return refuse("merchant_session_id: 1 to 255 bytes are wanted");
    if (!request.has_amount() || request.amount().minor_amount() < 0)
        return refuse("amount: one that is not negative is wanted");
    if (!types::Currency_IsValid(request.amount().currency()) ||
        request.amount().currency() == types::CURRENCY_UNSPECIFIED)
        return refuse("amount.currency: no such currency");
    if (who.connector.empty() || who.config.empty())
        return refuse("x-connector and x-connector-config are wanted");
    if (who.merchant.find_first_of("\"\\") != who.merchant.npos)
        return refuse("x-merchant-id: letters, digits and '-' are wanted");
    return grpc::Status::OK;
}

void begin_session(const secrets &keys, const create_request &request, const caller &who, uint64_t now,
                   record *session)
{
    const auto &browser = request.browser_info();

    session->set_format(1);
    session->set_merchant(who.merchant);
    session->set_test_mode(request.test_mode());
    session->set_merchant_session_id(request.merchant_session_id());
    session->set_minor_amount(request.amount().minor_amount());
    session->set_currency(static_cast<uint32_t>(request.amount().currency()));
    session->set_connector_name(who.connector);
    session->set_status(store::SESSION_STATUS_OPEN);
    session->set_generation(1);
    session->set_version(1);
    session->set_created_ms(now);
    session->set_updated_ms(now);
    session->set_token_issued_ms(now);
    session->set_own_expires_ms(now + ttl_ms);
    auto credentials = keys.credentials_hash(who.config);
    session->set_credentials(credentials.data(), credentials.size());
    put_field(keys, session, field_amount, std::to_string(request.amount().minor_amount()));
    put_field(keys, session, field_currency, std::to_string(request.amount().currency()));
    if (request.has_metadata()) {
        session->set_metadata(request.metadata().value());
        put_field(keys, session, field_metadata, request.metadata().value());
    }
    if (browser.has_accept_header())
        put_field(keys, session, field_accept, browser.accept_header());
    if (browser.has_user_agent())
        put_field(keys, session, field_agent, browser.user_agent());
    if (browser.has_accept_language())
        put_field(keys, session, field_language, browser.accept_language());
    if (browser.has_ip_address())
        put_field(keys, session, field_ip, browser.ip_address());
    bind(keys, browser, session);
    set_end(session);
}

bool is_same(const record &stored, const record &asked)
{
    return stored.payload_fields() == asked.payload_fields() && stored.credentials() == asked.credentials() &&
           std::equal(stored.payload_tags().begin(), stored.payload_tags().end(),
                      asked.payload_tags().begin(), asked.payload_tags().end());
}

claims claims_of(const secrets &keys, const session_id &id, const record &session)
{
    claims what;

    what.session_id = hex(view(id));
    what.merchant = session.merchant();
    what.connector = session.connector_name();
    what.currency = types::Currency_Name(static_cast<types::Currency>(session.currency()));
    what.merchant_session_hash = base64url(view(keys.hash(session.merchant_session_id())));
    what.browser_hash = base64url(session.binding_hash());
    what.issued_ms = session.token_issued_ms();
    what.expires_ms = session.expires_ms();
    what.generation = session.generation();
    what.minor_amount = session.minor_amount();
    what.test = session.test_mode();
    return what;
}

grpc::Status check_token(const claims &token, const session_id &id, const record &session, uint64_t now)
{
    auto refuse = [](const char *what) { return grpc::Status(grpc::FAILED_PRECONDITION, what); };

    if (token.session_id != hex(view(id)))
        return refuse("this merchant_session_id is another session's by now: use its token");
    if (now >= session.expires_ms())
        return refuse("the session's time is over: create another one");
    if (token.generation != session.generation() &&
        (token.generation != session.previous_generation() || now >= session.previous_until_ms()))
        return refuse("a newer token was given: use that one");
    return grpc::Status::OK;
}

bool is_bound_browser(const secrets &keys, const record &session, const api::BrowserInformation &browser)
{
    int at = 0;
    bool same = true;

    if (session.binding_facets() & facet_user_agent) {
        same = !browser.has_user_agent() ||
               session.binding_tags(at) == keys.tag(facet_user_agent << 4, browser.user_agent());
        at++;
    }
    if (session.binding_facets() & facet_language)
        same = same && (!browser.has_accept_language() ||
                        session.binding_tags(at) == keys.tag(facet_language << 4, browser.accept_language()));
    return same;
}

api::EventOutcome apply_event(record *session, api::SessionEvent event, const std::string &event_id,
                              uint64_t now)
{
    if (!event_id.empty())
        for (const auto &row : session->applied_events())
            if (row.event_id() == event_id)
                return row.event() == static_cast<uint32_t>(event) ? api::EVENT_OUTCOME_DUPLICATE
                                                                   : api::EVENT_OUTCOME_UNSPECIFIED;
    uint8_t next = moves[session->status()][event];
    if (next == 0)
        return api::EVENT_OUTCOME_LATE;
    session->set_status(static_cast<store::SessionStatus>(next));
    session->set_version(session->version() + 1);
    session->set_updated_ms(now);
    if (event != api::SESSION_EVENT_REDIRECT_STARTED)
        end_step(session);
    if (begins_a_generation(event)) {
        session->set_previous_generation(session->generation());
        session->set_previous_until_ms(now + overlap_ms);
        session->set_generation(session->generation() + 1);
        session->set_token_issued_ms(now);
        session->set_own_expires_ms(now + ttl_ms);
    }
    remember(session, event, event_id, false, now);
    set_end(session);
    return api::EVENT_OUTCOME_APPLIED;
}

api::EventOutcome begin_step(record *session, const api::BeginStepRequest &request, const session_id &step,
                             uint64_t now)
{
    api::EventOutcome outcome =
        apply_event(session, api::SESSION_EVENT_REDIRECT_STARTED, request.event_id(), now);

    if (outcome == api::EVENT_OUTCOME_APPLIED) {
        auto *open = session->mutable_open_step();
        open->set_step_id(step.data(), step.size());
        open->set_name(request.name());
        open->set_return_url(request.return_url());
        open->set_started_ms(now);
        open->set_expires_ms(
            now + (request.step_seconds() > 0 ? request.step_seconds() * UINT64_C(1000) : step_ms));
        set_end(session);
    }
    return outcome;
}

void show(const session_id &id, const record &session, bool browser_matches, uint64_t now,
          api::Session *shown)
{
    shown->set_session_id(hex(view(id)));
    shown->set_merchant_session_id(session.merchant_session_id());
    shown->set_status(static_cast<api::SessionStatus>(session.status()));
    shown->set_version(session.version());
    shown->set_generation(session.generation());
    for (int event = api::SESSION_EVENT_AUTHENTICATION_STARTED; event <= api::SESSION_EVENT_ATTEMPT_FAILED;
         event++)
        if (moves[session.status()][event] != 0)
            shown->add_next_events(static_cast<api::SessionEvent>(event));
    shown->mutable_amount()->set_minor_amount(session.minor_amount());
    shown->mutable_amount()->set_currency(static_cast<api::Currency>(session.currency()));
    shown->set_connector_name(session.connector_name());
    shown->set_test_mode(session.test_mode());
    if (session.has_open_step()) {
        auto *step = shown->mutable_step();
        step->set_name(session.open_step().name());
        step->set_started_ms(static_cast<int64_t>(session.open_step().started_ms()));
        step->set_expires_ms(static_cast<int64_t>(session.open_step().expires_ms()));
        step->set_return_url(session.open_step().return_url());
    }
    shown->mutable_browser_verdict()->set_mode(api::BINDING_MODE_OBSERVE);
    shown->mutable_browser_verdict()->set_result(browser_matches ? api::BINDING_RESULT_MATCH
                                                                 : api::BINDING_RESULT_MISMATCH);
    for (const auto &event : session.applied_events()) {
        auto *row = shown->add_events();
        row->set_event(static_cast<api::SessionEvent>(event.event()));
        row->set_event_id(event.event_id());
        row->set_at_ms(static_cast<int64_t>(event.at_ms()));
        row->set_outcome(event.late() ? api::EVENT_OUTCOME_LATE : api::EVENT_OUTCOME_APPLIED);
        row->set_version(event.version());
    }
    shown->set_created_ms(static_cast<int64_t>(session.created_ms()));
    shown->set_updated_ms(static_cast<int64_t>(session.updated_ms()));
    shown->set_expires_ms(static_cast<int64_t>(session.expires_ms()));
    shown->set_expires_in_seconds(
        static_cast<int64_t>((session.expires_ms() - std::min(now, session.expires_ms())) / 1000));
    shown->set_server_time_ms(static_cast<int64_t>(now));
}

} // namespace peer
