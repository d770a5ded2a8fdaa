/* secrets.hpp - the keys of one run, and all that is done with them: natural keys, tags, nonces, sealed records.
 *
 * A sealed record is laid out as sessiond's is (store/record.h), so that rows of both services are equally long and the write id
 * stands in the same place.
 */
#ifndef PEER_PG_SECRETS_HPP
#define PEER_PG_SECRETS_HPP

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sodium.h>

namespace peer
{

using session_key = std::array<uint8_t, 32>;
using session_id = std::array<uint8_t, 16>;

constexpr size_t nonce_at = 64;
constexpr size_t nonce_bytes = 24;

/* What stands in a record's plain header. */
struct record_header {
    uint32_t revision;
    uint64_t expires_ms;
    session_key key;
    session_id id;
};

class secrets
{
  public:
    secrets();

    session_key natural_key(std::string_view merchant, bool test, std::string_view merchant_session_id) const;
    /* Keyed 64-bit tag of one field: equal values are seen, none is kept. */
    uint64_t tag(uint32_t field, std::string_view value) const;
    std::array<uint8_t, 16> credentials_hash(std::string_view config) const;
    std::array<uint8_t, 32> hash(std::string_view text) const;
    session_id new_session_id(uint64_t now_ms);

    /* Header, nonce and the sealed body. */
    std::string seal(const record_header &header, std::string_view body);
    /* Nothing: not a record of that key, or altered. */
    std::optional<std::string> open(const session_key &key, std::string_view record) const;
    static std::string_view write_id(std::string_view record)
    {
        return record.substr(nonce_at, nonce_bytes);
    }

    /* A step handle holds whose session and which step it is, and cannot be read. */
    std::string seal_handle(const session_key &key, const session_id &step, uint64_t expires_ms);

    std::string sign(std::string_view message) const;
    /* Over the message, with a key of its own: this service knows its own tokens by it, without a verification. */
    std::array<uint8_t, 16> token_tag(std::string_view message) const;

  private:
    std::array<uint8_t, nonce_bytes> next_nonce();

    std::array<uint8_t, crypto_aead_xchacha20poly1305_ietf_KEYBYTES> seal_key_;
    std::array<uint8_t, 32> natural_key_, token_tag_key_, handle_key_;
    std::array<uint8_t, crypto_shorthash_KEYBYTES> tag_key_;
    std::array<uint8_t, crypto_sign_SECRETKEYBYTES> signing_key_;
    std::array<uint8_t, 16> nonce_prefix_;
    std::atomic<uint64_t> nonce_counter_{0};
};

} // namespace peer

#endif
