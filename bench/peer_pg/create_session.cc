/* CreateSessionToken: one INSERT; when the row is there already, it is read and judged: the same call again gets the same session's
 * token, one whose time is over gives way. */
#include "call.hpp"

#include "text.hpp"

namespace peer
{

namespace
{

class create_call final : public call
{
  public:
    create_call(const deployment &where, const create_request *request, create_response *response)
        : call(where), request_(*request), response_(*response)
    {
    }

    void start(const caller &who)
    {
        grpc::Status status = check_create(request_, who);

        if (!status.ok()) {
            Finish(status);
            return;
        }
        now_ = now_ms();
        key_ = where_.keys.natural_key(who.merchant, request_.test_mode(), request_.merchant_session_id());
        stored_.id = where_.keys.new_session_id(now_);
        session_ = google::protobuf::Arena::CreateMessage<record>(response_.GetArena());
        begin_session(where_.keys, request_, who, now_, session_);
        start_create(*session_);
    }

    void done(const PGresult *result) override
    {
        if (result == nullptr)
            finish_unavailable();
        else if (what == statement::read)
            judge(result);
        else if (has_changed(result))
            answer(*session_);
        else if (++tries_ < 4)
            start_read();
        else
            finish(grpc::ABORTED, "another call wrote this session at the same time: call again");
    }

  private:
    void judge(const PGresult *result)
    {
        auto *found = google::protobuf::Arena::CreateMessage<record>(response_.GetArena());
        session_id own = stored_.id;
        grpc::Status status;

        if (!take_read(result, found, &status)) {
            if (!status.ok())
                Finish(status);
            else
                start_create(*session_); /* it has left meanwhile */
            return;
        }
        if (now_ >= found->expires_ms()) {
            stored_.id = own;
            start_change(*session_);
        } else if (found->status() >= sessiond::store::v1::SESSION_STATUS_COMPLETED) {
            finish(grpc::FAILED_PRECONDITION, "this merchant_session_id's payment is over: use another id");
        } else if (!is_same(*found, *session_)) {
            finish(grpc::ALREADY_EXISTS,
                   "this merchant_session_id was created with other values: use another id");
        } else {
            answer(*found);
        }
    }

    void answer(const record &session)
    {
        response_.set_status_code(200);
        response_.set_session_token(mint_token(where_.keys, claims_of(where_.keys, stored_.id, session)));
        Finish(grpc::Status::OK);
    }

    const create_request &request_;
    create_response &response_;
    record *session_ = nullptr;
    uint64_t now_ = 0;
    int tries_ = 0;
};

} // namespace

grpc::ServerUnaryReactor *start_create_session(const deployment &where, grpc::CallbackServerContext *context,
                                               const create_request *request, create_response *response)
{
    auto *it = new create_call(where, request, response);

    it->start({metadata(*context, "x-merchant-id"), metadata(*context, "x-connector"),
               metadata(*context, "x-connector-config")});
    return it;
}

} // namespace peer
