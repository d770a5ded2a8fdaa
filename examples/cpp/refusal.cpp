#include "refusal.hpp"

#include <string>

#include "google/rpc/code.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace {

// The word that stays the same from version to version, with what it is about, and the fields that are wrong.
std::string Reason(const grpc::Status &status) {
    google::rpc::Status whole;
    std::string reason = "no reason";
    std::string fields;

    if (!whole.ParseFromString(status.error_details())) return "details that cannot be read";
    for (const auto &detail : whole.details()) {
        google::rpc::ErrorInfo info;
        google::rpc::BadRequest request;
        if (detail.UnpackTo(&info)) {
            reason = info.reason();
            for (const auto &[key, value] : info.metadata()) reason += " " + key + "=" + value;
        } else if (detail.UnpackTo(&request)) {
            for (const auto &field : request.field_violations()) fields += ", " + field.field() + " " + field.description();
        }
    }
    return reason + fields;
}

std::string Line(const grpc::Status &status) {
    return google::rpc::Code_Name(static_cast<google::rpc::Code>(status.error_code())) + " (" + Reason(status) + "): " + status.error_message();
}

std::string Line(unsigned status, const types::ErrorInfo &error) {
    return "connector " + std::to_string(status) + " (" + error.unified_details().code() + "): " + error.connector_details().message();
}

}  // namespace

Refusal::Refusal(const grpc::Status &status) : std::runtime_error(Line(status)) {}

Refusal::Refusal(unsigned status, const types::ErrorInfo &error) : std::runtime_error(Line(status, error)) {}
