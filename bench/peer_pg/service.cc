#include "service.hpp"

#include "payment_types/merchant_authentication.grpc.pb.h"
#include "sessiond/v1/session.grpc.pb.h"

#include "arena.hpp"
#include "call.hpp"

namespace peer
{

namespace
{

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

class creating final : public types::MerchantAuthenticationService::CallbackService
{
  public:
    explicit creating(const deployment &where) : where_(where)
    {
        SetMessageAllocatorFor_CreateSessionToken(&messages_);
    }

    ServerUnaryReactor *CreateSessionToken(CallbackServerContext *context, const create_request *request,
                                           create_response *response) override
    {
        return start_create_session(where_, context, request, response);
    }

  private:
    const deployment &where_;
    arena_allocator<create_request, create_response> messages_;
};

class continuing final : public api::SessionService::CallbackService
{
  public:
    explicit continuing(const deployment &where) : where_(where)
    {
        SetMessageAllocatorFor_GetSession(&get_);
        SetMessageAllocatorFor_BeginStep(&begin_step_);
        SetMessageAllocatorFor_AdvanceSession(&advance_);
    }

    ServerUnaryReactor *GetSession(CallbackServerContext *, const api::GetSessionRequest *request,
                                   api::GetSessionResponse *response) override
    {
        return start_get(where_, request, response);
    }

    ServerUnaryReactor *BeginStep(CallbackServerContext *, const api::BeginStepRequest *request,
                                  api::BeginStepResponse *response) override
    {
        return start_begin_step(where_, request, response);
    }

    ServerUnaryReactor *AdvanceSession(CallbackServerContext *, const api::AdvanceSessionRequest *request,
                                       api::AdvanceSessionResponse *response) override
    {
        return start_advance(where_, request, response);
    }

  private:
    const deployment &where_;
    arena_allocator<api::GetSessionRequest, api::GetSessionResponse> get_;
    arena_allocator<api::BeginStepRequest, api::BeginStepResponse> begin_step_;
    arena_allocator<api::AdvanceSessionRequest, api::AdvanceSessionResponse> advance_;
};

} // namespace

struct services::parts {
    explicit parts(const deployment &it) : where(it), create(where), session(where)
    {
    }

    deployment where;
    creating create;
    continuing session;
};

services::services(const deployment &where) : parts_(std::make_unique<parts>(where))
{
}

services::~services() = default;

void services::add_to(grpc::ServerBuilder &builder)
{
    builder.RegisterService(&parts_->create);
    builder.RegisterService(&parts_->session);
}

} // namespace peer
