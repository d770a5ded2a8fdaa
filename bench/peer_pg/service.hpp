/* service.hpp - the calls: gRPC's callback API, messages and records in an arena a call, statements by database.hpp. */
#ifndef PEER_PG_SERVICE_HPP
#define PEER_PG_SERVICE_HPP

#include <memory>
#include <string>

#include <grpcpp/server_builder.h>

#include "database.hpp"
#include "secrets.hpp"

namespace peer
{

struct deployment {
    secrets &keys;
    database &store;
    std::string public_url;    /* in front of a step's handle */
    std::string return_origin; /* where a browser may be sent back to */
};

/* Both services; they live as long as the server. */
class services
{
  public:
    explicit services(const deployment &where);
    ~services();
    void add_to(grpc::ServerBuilder &builder);

  private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

} // namespace peer

#endif
