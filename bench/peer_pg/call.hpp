/* call.hpp - what the calls of both services share: an answer, a row of the store read and written. */
#ifndef PEER_PG_CALL_HPP
#define PEER_PG_CALL_HPP

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "service.hpp"
#include "session.hpp"

namespace peer
{

/* One call. It ends itself: after finish nothing of it may be touched. */
class call : public grpc::ServerUnaryReactor, public query
{
  public:
    explicit call(const deployment &where) : where_(where)
    {
    }

  protected:
    void OnDone() override
    {
        delete this;
    }

    void finish(grpc::StatusCode code, const char *message);
    void finish_unavailable();

    /* The row as it is stored. */
    struct stored {
        session_id id;
        int32_t revision;
        std::string write_id;
    };

    void start_read();
    /* ret_session belongs to the arena of the call's messages. False: no such row (status OK), or it is refused. */
    bool take_read(const PGresult *result, record *ret_session, grpc::Status *ret_status);
    /* The record sealed for the revision that it will have. */
    std::string seal(const record &session, int32_t revision);
    void start_create(const record &session);
    /* Of what take_read has read. */
    void start_change(const record &session);
    static bool has_changed(const PGresult *result);

    const deployment &where_;
    session_key key_;
    stored stored_{};
};

std::string metadata(const grpc::CallbackServerContext &context, const char *name);

/* The reactors of the methods. */
grpc::ServerUnaryReactor *start_create_session(const deployment &where, grpc::CallbackServerContext *context,
                                               const create_request *request, create_response *response);
grpc::ServerUnaryReactor *start_get(const deployment &where, const api::GetSessionRequest *request,
                                    api::GetSessionResponse *response);
grpc::ServerUnaryReactor *start_begin_step(const deployment &where, const api::BeginStepRequest *request,
                                           api::BeginStepResponse *response);
grpc::ServerUnaryReactor *start_advance(const deployment &where, const api::AdvanceSessionRequest *request,
                                        api::AdvanceSessionResponse *response);

} // namespace peer

#endif
