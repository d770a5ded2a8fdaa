// The session of one order. Its token stays here: whoever has it may go on with the payment.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "payment_types/merchant_authentication.grpc.pb.h"
#include "sessiond/v1/session.grpc.pb.h"

class Sessiond {
public:
    static constexpr const char *kUserAgent = "Mozilla/5.0 (X11; Linux x86_64) example";

    Sessiond(const std::string &address, const std::string &order);

    // "new", or "known": then an earlier call has made it, and this one has changed nothing. All of these throw Refusal.
    std::string Create(const types::Money &amount);
    // The step's address for the bank, and the handle that belongs to it.
    sessiond::v1::BeginStepResponse BeginStep(const std::string &name, const std::string &return_url);
    // As it stands, asked for on behalf of the browser that has come back: it must be the one that left.
    sessiond::v1::Session Get();
    sessiond::v1::Session Tell(sessiond::v1::SessionEvent event);

private:
    // Of a request to SessionService what all of them have.
    template <typename Request> Request For() const {
        Request request;
        request.set_session_token(token_);
        request.set_merchant_session_id(order_);
        request.set_test_mode(true);
        return request;
    }
    // Some answers bring a newer token; the older one is refused sooner or later.
    void Keep(const std::string &newer);

    std::unique_ptr<types::MerchantAuthenticationService::Stub> creating_;
    std::unique_ptr<sessiond::v1::SessionService::Stub> sessions_;
    std::string order_;
    std::string token_;
};
