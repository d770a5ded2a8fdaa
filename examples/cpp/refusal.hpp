// A call that did not bring what it was made for, in one line: code, reason, sentence.
#pragma once

#include <stdexcept>

#include <grpcpp/support/status.h>

#include "payment_types/error.pb.h"

class Refusal : public std::runtime_error {
public:
    // By sessiond, or lost on its way.
    explicit Refusal(const grpc::Status &status);
    // By the connector: it was asked, and this is what came of it.
    Refusal(unsigned status, const types::ErrorInfo &error);
};
