// One payment with a 3-D Secure challenge, as a shop's server makes it: create the session, send the browser to the bank, find out
// what it brought back, tell how the payment went on.
//
//   payment [ORDER_ID]
//
// SESSIOND names the server (127.0.0.1:8080), BANK the simulated bank (http://127.0.0.1:8090).
#include <cstdlib>
#include <iostream>
#include <random>

#include "base64url.hpp"
#include "browser.hpp"
#include "refusal.hpp"
#include "sessiond.hpp"

namespace {

const std::string kShop = "http://localhost:3000";  // the sandbox takes any address of this machine

std::string Setting(const char *name, const char *usual) {
    const char *value = std::getenv(name);
    return value == nullptr ? usual : value;
}

std::string NewOrder() {
    std::random_device random;
    std::string id = "order-";
    for (int i = 0; i < 20; i++) id += static_cast<char>('a' + random() % 26);
    return id;
}

// What the shop's page makes the browser post to the bank. The handle opens nothing: it may go through anybody's hands.
Form ChallengeForm(const sessiond::v1::BeginStepResponse &step, const std::string &order) {
    const std::string creq =
        R"({"messageType":"CReq","messageVersion":"2.2.0","threeDSServerTransID":")" + step.session().session_id() + R"("})";
    return {{"termUrl", step.return_url()},
            {"creq", Base64UrlEncode(creq)},
            {"threeDSSessionData", step.step_handle()},
            {"merchantName", "Lakeside Outfitters"},
            {"purchase", "order " + order}};
}

// Only the connector can judge this; a shop hands on what the browser brought. The simulated bank says it plainly.
bool Passed(const sessiond::v1::Session &session) {
    const auto &payload = session.redirect_result().payload();
    const auto cres = payload.find("cres");
    return cres != payload.end() && Base64UrlDecode(cres->second).find(R"("transStatus":"Y")") != std::string::npos;
}

void End(const sessiond::v1::Session &session) {
    std::cout << "ended      " << sessiond::v1::SessionStatus_Name(session.status()) << ", version " << session.version() << std::endl;
}

void Pay(Sessiond &sessiond, const std::string &order) {
    types::Money amount;
    amount.set_minor_amount(12900);
    amount.set_currency(types::EUR);

    // Until an answer has come nobody can know whether the session is there. The same call again is always right.
    const std::string first = sessiond.Create(amount);
    std::cout << "created    " << first << " " << order << std::endl;
    const std::string again = sessiond.Create(amount);
    std::cout << "created    " << again << " " << order << ", as after a lost answer" << std::endl;

    const auto step = sessiond.BeginStep("three_ds_challenge", kShop + "/orders/" + order);
    std::cout << "sent away  " << sessiond::v1::SessionStatus_Name(step.session().status()) << std::endl;
    Browser browser(Sessiond::kUserAgent);
    const auto came_to = browser.Challenge(Setting("BANK", "http://127.0.0.1:8090"), ChallengeForm(step, order), "1234");
    std::cout << "came back  " << came_to << std::endl;

    // That the browser is here proves nothing: what it brought lies in the session.
    const auto session = sessiond.Get();
    if (session.status() != sessiond::v1::SESSION_STATUS_RETURNED || !Passed(session)) {
        End(sessiond.Tell(sessiond::v1::SESSION_EVENT_FAILED));
        return;
    }
    sessiond.Tell(sessiond::v1::SESSION_EVENT_CHALLENGE_PASSED);    // a new token, the old one ends
    sessiond.Tell(sessiond::v1::SESSION_EVENT_PROCESSING_STARTED);  // from here on it cannot be taken back, nor expire
    // Here the shop asks its connector to pay, under an idempotency key made of the order's id.
    End(sessiond.Tell(sessiond::v1::SESSION_EVENT_COMPLETED));

    // What does not fit any more is refused, with a reason that a program can go by.
    try {
        sessiond.BeginStep("too_late", kShop + "/orders/" + order);
    } catch (const Refusal &refusal) {
        std::cout << "refused    " << refusal.what() << std::endl;
    }
}

}  // namespace

int main(int argc, char **argv) {
    const std::string order = argc > 1 ? argv[1] : NewOrder();
    try {
        Sessiond sessiond(Setting("SESSIOND", "127.0.0.1:8080"), order);
        Pay(sessiond, order);
    } catch (const std::exception &error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
    return 0;
}
