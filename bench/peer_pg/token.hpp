/* token.hpp - session tokens of the form that sessiond's have: "sess_v4.public.", claims and signature, and a footer whose tag
 * lets the service know its own tokens without a verification. */
#ifndef PEER_PG_TOKEN_HPP
#define PEER_PG_TOKEN_HPP

#include "secrets.hpp"

namespace peer
{

struct claims {
    std::string session_id; /* 32 hexadecimal digits */
    std::string merchant;
    std::string connector;
    std::string currency;
    std::string merchant_session_hash; /* base64url */
    std::string browser_hash;
    uint64_t issued_ms;
    uint64_t expires_ms;
    uint32_t generation;
    int64_t minor_amount;
    bool test;
};

/* CPU: one Ed25519 signature. */
std::string mint_token(const secrets &keys, const claims &what);
/* Nothing: not ours, or altered. Only session_id, merchant, merchant_session_hash, expires_ms, generation and test are read. */
std::optional<claims> read_token(const secrets &keys, std::string_view token);

} // namespace peer

#endif
