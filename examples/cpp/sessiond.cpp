#include "sessiond.hpp"

#include <chrono>
#include <iostream>

#include "refusal.hpp"

namespace {

constexpr std::chrono::seconds kDeadline(20);  // of one call, all of its attempts together

// The library repeats by itself what was lost on its way or came while a worker was being replaced, and waits as long as the server
// asks for. Nothing happens twice by that: creates are known by merchant_session_id, all other calls by event_id.
constexpr const char *kRepeat = R"({"methodConfig": [{"name": [{}], "retryPolicy": {
    "maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "2s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "ABORTED"]}}]})";

void Begin(grpc::ClientContext &context) {
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
}

// Which connector is to be paid by, and as whom. Real credentials come from a secret store.
void NameConnector(grpc::ClientContext &context) {
    context.AddMetadata("x-connector", "stripe");
    context.AddMetadata("x-connector-config", R"({"config":{"Stripe":{"api_key":"sk_test_x"}}})");
}

void Check(const grpc::Status &status) {
    if (!status.ok()) throw Refusal(status);
}

}  // namespace

// Plain text, as a sandbox takes it; elsewhere grpc::SslCredentials, and a caller's key in the metadata.
Sessiond::Sessiond(const std::string &address, const std::string &order) : order_(order) {
    grpc::ChannelArguments arguments;
    arguments.SetServiceConfigJSON(kRepeat);
    const auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
    creating_ = types::MerchantAuthenticationService::NewStub(channel);
    sessions_ = sessiond::v1::SessionService::NewStub(channel);
}

std::string Sessiond::Create(const types::Money &amount) {
    types::MerchantAuthenticationServiceCreateSessionTokenRequest request;
    types::MerchantAuthenticationServiceCreateSessionTokenResponse answer;
    grpc::ClientContext context;

    request.set_merchant_session_id(order_);
    *request.mutable_amount() = amount;
    request.mutable_browser_info()->set_user_agent(kUserAgent);
    request.mutable_browser_info()->set_accept_language("en");
    request.set_test_mode(true);
    Begin(context);
    NameConnector(context);
    Check(creating_->CreateSessionToken(&context, request, &answer));
    if (answer.has_error()) throw Refusal(answer.status_code(), answer.error());  // the connector's no is an answer, sessiond's is a status
    token_ = answer.session_token();
    return context.GetServerInitialMetadata().count("x-session-replayed") > 0 ? "known" : "new";
}

sessiond::v1::BeginStepResponse Sessiond::BeginStep(const std::string &name, const std::string &return_url) {
    auto request = For<sessiond::v1::BeginStepRequest>();
    sessiond::v1::BeginStepResponse answer;
    grpc::ClientContext context;

    request.set_name(name);
    request.set_return_url(return_url);
    request.set_event_id(name + "-" + order_);
    Begin(context);
    Check(sessions_->BeginStep(&context, request, &answer));
    Keep(answer.session_token());
    return answer;
}

sessiond::v1::Session Sessiond::Get() {
    auto request = For<sessiond::v1::GetSessionRequest>();
    sessiond::v1::GetSessionResponse answer;
    grpc::ClientContext context;

    request.mutable_browser_info()->set_user_agent(kUserAgent);
    request.mutable_browser_info()->set_accept_language("en");
    Begin(context);
    Check(sessions_->GetSession(&context, request, &answer));
    return answer.session();
}

sessiond::v1::Session Sessiond::Tell(sessiond::v1::SessionEvent event) {
    const std::string &name = sessiond::v1::SessionEvent_Name(event);
    auto request = For<sessiond::v1::AdvanceSessionRequest>();
    sessiond::v1::AdvanceSessionResponse answer;
    grpc::ClientContext context;

    request.set_event(event);
    request.set_event_id(name + "-" + order_);
    Begin(context);
    Check(sessions_->AdvanceSession(&context, request, &answer));
    Keep(answer.session_token());
    std::cout << "told       " << name << ": " << sessiond::v1::EventOutcome_Name(answer.outcome()) << std::endl;
    return answer.session();
}

void Sessiond::Keep(const std::string &newer) {
    if (!newer.empty()) token_ = newer;
}
