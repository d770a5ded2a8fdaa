/* GetSession, BeginStep, AdvanceSession: the token is checked, the row read; a change is one UPDATE that wants the row as it was
 * read, and begins anew when it was not. */
#include "call.hpp"

#include "text.hpp"

namespace peer
{

namespace
{

constexpr int tries_max = 8;

template <typename request, typename response> class session_call : public call
{
  public:
    session_call(const deployment &where, const request *asked, response *answer)
        : call(where), request_(*asked), response_(*answer)
    {
    }

    void start()
    {
        auto token = read_token(where_.keys, request_.session_token());

        if (!token) {
            finish(grpc::UNAUTHENTICATED, "session_token is not one of this server: send it as it was given");
            return;
        }
        if (token->test != request_.test_mode() ||
            token->merchant_session_hash !=
                base64url(view(where_.keys.hash(request_.merchant_session_id())))) {
            finish(grpc::PERMISSION_DENIED, "session_token was made for another session than the call names");
            return;
        }
        token_ = std::move(*token);
        key_ = where_.keys.natural_key(token_.merchant, token_.test, request_.merchant_session_id());
        start_read();
    }

    void done(const PGresult *result) override
    {
        if (result == nullptr)
            finish_unavailable();
        else if (what == statement::read)
            loaded(result);
        else if (has_changed(result))
            answer();
        else if (++tries_ < tries_max)
            start_read();
        else
            finish(grpc::ABORTED, "other calls write this session: call again");
    }

  protected:
    /* Changes session_. True: it is to be written, answer() comes then. False: it has finished the call. */
    virtual bool decide() = 0;
    virtual void answer() = 0;

    void show_session()
    {
        show(stored_.id, *session_, browser_matches_, now_, response_.mutable_session());
    }

    /* A new generation demands one. */
    std::string renewed_token()
    {
        if (token_.generation == session_->generation())
            return {};
        return mint_token(where_.keys, claims_of(where_.keys, stored_.id, *session_));
    }

    const request &request_;
    response &response_;
    record *session_ = nullptr;
    uint64_t now_ = 0;

  private:
    void loaded(const PGresult *result)
    {
        grpc::Status status;

        now_ = now_ms();
        session_ = google::protobuf::Arena::CreateMessage<record>(response_.GetArena());
        if (!take_read(result, session_, &status)) {
            Finish(status.ok() ? grpc::Status(grpc::NOT_FOUND, "no such session is stored") : status);
            return;
        }
        status = check_token(token_, stored_.id, *session_, now_);
        if (!status.ok()) {
            Finish(status);
            return;
        }
        browser_matches_ = is_bound_browser(where_.keys, *session_, request_.browser_info());
        if (decide())
            start_change(*session_);
    }

    claims token_;
    bool browser_matches_ = false;
    int tries_ = 0;
};

class get_call final : public session_call<api::GetSessionRequest, api::GetSessionResponse>
{
    using session_call::session_call;

    bool decide() override
    {
        answer();
        return false;
    }

    void answer() override
    {
        show_session();
        Finish(grpc::Status::OK);
    }
};

class begin_step_call final : public session_call<api::BeginStepRequest, api::BeginStepResponse>
{
    using session_call::session_call;

    bool decide() override
    {
        if (request_.name().empty() || request_.name().size() > 64) {
            finish(grpc::INVALID_ARGUMENT, "name: 1 to 64 characters are wanted");
            return false;
        }
        if (!request_.return_url().starts_with(where_.return_origin)) {
            finish(grpc::PERMISSION_DENIED, "return_url: its origin is not on the merchant's list");
            return false;
        }
        step_ = where_.keys.new_session_id(now_);
        if (begin_step(session_, request_, step_, now_) != api::EVENT_OUTCOME_APPLIED) {
            finish(grpc::FAILED_PRECONDITION, "the payment has gone on: no step can begin");
            return false;
        }
        return true;
    }

    void answer() override
    {
        uint64_t end = session_->open_step().expires_ms();

        show_session();
        response_.set_step_handle(where_.keys.seal_handle(key_, step_, end));
        response_.set_return_url(where_.public_url + "/r/" + response_.step_handle());
        response_.set_expires_ms(static_cast<int64_t>(end));
        response_.set_session_token(renewed_token());
        Finish(grpc::Status::OK);
    }

    session_id step_;
};

class advance_call final : public session_call<api::AdvanceSessionRequest, api::AdvanceSessionResponse>
{
    using session_call::session_call;

    bool decide() override
    {
        if (!api::SessionEvent_IsValid(request_.event()) ||
            request_.event() == api::SESSION_EVENT_UNSPECIFIED) {
            finish(grpc::INVALID_ARGUMENT, "event: one that a caller may send is wanted");
            return false;
        }
        if (request_.expected_version() != 0 && request_.expected_version() != session_->version()) {
            finish(grpc::ABORTED, "expected_version: another version is stored");
            return false;
        }
        outcome_ = apply_event(session_, request_.event(), request_.event_id(), now_);
        if (outcome_ == api::EVENT_OUTCOME_UNSPECIFIED)
            finish(grpc::ALREADY_EXISTS, "event_id was another event's");
        else if (outcome_ != api::EVENT_OUTCOME_APPLIED)
            answer();
        return outcome_ == api::EVENT_OUTCOME_APPLIED;
    }

    void answer() override
    {
        show_session();
        response_.set_outcome(outcome_);
        response_.set_session_token(renewed_token());
        Finish(grpc::Status::OK);
    }

    api::EventOutcome outcome_ = api::EVENT_OUTCOME_UNSPECIFIED;
};

template <typename reactor, typename request, typename response>
grpc::ServerUnaryReactor *start(const deployment &where, const request *asked, response *answer)
{
    auto *it = new reactor(where, asked, answer);

    it->start();
    return it;
}

} // namespace

grpc::ServerUnaryReactor *start_get(const deployment &where, const api::GetSessionRequest *request,
                                    api::GetSessionResponse *response)
{
    return start<get_call>(where, request, response);
}

grpc::ServerUnaryReactor *start_begin_step(const deployment &where, const api::BeginStepRequest *request,
                                           api::BeginStepResponse *response)
{
    return start<begin_step_call>(where, request, response);
}

grpc::ServerUnaryReactor *start_advance(const deployment &where, const api::AdvanceSessionRequest *request,
                                        api::AdvanceSessionResponse *response)
{
    return start<advance_call>(where, request, response);
}

} // namespace peer
