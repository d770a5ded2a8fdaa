#include "secrets.hpp"

#include <cstring>

#include "text.hpp"

namespace peer
{

namespace
{

constexpr uint8_t version = 1, kind_session = 1;
constexpr size_t mac_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

const uint8_t *bytes(std::string_view text)
{
    return reinterpret_cast<const uint8_t *>(text.data());
}

uint8_t *bytes(std::string &text)
{
    return reinterpret_cast<uint8_t *>(text.data());
}

template <typename value> void put(std::string &to, size_t at, value number)
{
    std::memcpy(to.data() + at, &number, sizeof(number)); /* little endian, as this machine is */
}

} // namespace

secrets::secrets()
{
    std::array<uint8_t, crypto_sign_PUBLICKEYBYTES> verifying_key;

    crypto_aead_xchacha20poly1305_ietf_keygen(seal_key_.data());
    crypto_shorthash_keygen(tag_key_.data());
    randombytes_buf(natural_key_.data(), natural_key_.size());
    randombytes_buf(token_tag_key_.data(), token_tag_key_.size());
    randombytes_buf(handle_key_.data(), handle_key_.size());
    randombytes_buf(nonce_prefix_.data(), nonce_prefix_.size());
    crypto_sign_keypair(verifying_key.data(), signing_key_.data());
}

session_key secrets::natural_key(std::string_view merchant, bool test, std::string_view id) const
{
    session_key key;
    crypto_generichash_state state;
    const uint64_t lengths[] = {merchant.size(), id.size(), test};

    crypto_generichash_init(&state, natural_key_.data(), natural_key_.size(), key.size());
    crypto_generichash_update(&state, reinterpret_cast<const uint8_t *>(lengths), sizeof(lengths));
    crypto_generichash_update(&state, bytes(merchant), merchant.size());
    crypto_generichash_update(&state, bytes(id), id.size());
    crypto_generichash_final(&state, key.data(), key.size());
    return key;
}

uint64_t secrets::tag(uint32_t field, std::string_view value) const
{
    uint64_t result;
    auto key = tag_key_;

    key[0] = static_cast<uint8_t>(key[0] ^ field);
    crypto_shorthash(reinterpret_cast<uint8_t *>(&result), bytes(value), value.size(), key.data());
    return result;
}

std::array<uint8_t, 16> secrets::credentials_hash(std::string_view config) const
{
    std::array<uint8_t, 16> result;

    crypto_generichash(result.data(), result.size(), bytes(config), config.size(), natural_key_.data(),
                       natural_key_.size());
    return result;
}

std::array<uint8_t, 32> secrets::hash(std::string_view text) const
{
    std::array<uint8_t, 32> result;

    crypto_generichash(result.data(), result.size(), bytes(text), text.size(), natural_key_.data(),
                       natural_key_.size());
    return result;
}

/* The time first: ids of one second lie beside each other, as those of UUID version 7. */
session_id secrets::new_session_id(uint64_t now_ms)
{
    session_id id;

    randombytes_buf(id.data(), id.size());
    for (size_t i = 0; i < 6; i++)
        id[i] = static_cast<uint8_t>(now_ms >> (40 - 8 * i));
    return id;
}

/* A random prefix for each start, then a counter: no random bytes a record. */
std::array<uint8_t, nonce_bytes> secrets::next_nonce()
{
    std::array<uint8_t, nonce_bytes> nonce;
    uint64_t count = nonce_counter_.fetch_add(1, std::memory_order_relaxed);

    std::memcpy(nonce.data(), nonce_prefix_.data(), nonce_prefix_.size());
    std::memcpy(nonce.data() + nonce_prefix_.size(), &count, sizeof(count));
    return nonce;
}

std::string secrets::seal(const record_header &header, std::string_view body)
{
    std::string record(nonce_at + nonce_bytes + body.size() + mac_bytes, '\0');
    auto nonce = next_nonce();

    record[0] = version;
    record[1] = kind_session;
    put(record, 4, header.revision);
    put(record, 8, header.expires_ms);
    std::memcpy(record.data() + 16, header.key.data(), header.key.size());
    std::memcpy(record.data() + 48, header.id.data(), header.id.size());
    std::memcpy(record.data() + nonce_at, nonce.data(), nonce.size());
    crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(record) + nonce_at + nonce_bytes, nullptr, bytes(body),
                                               body.size(), bytes(record), nonce_at, nullptr, nonce.data(),
                                               seal_key_.data());
    return record;
}

std::optional<std::string> secrets::open(const session_key &key, std::string_view record) const
{
    if (record.size() < nonce_at + nonce_bytes + mac_bytes ||
        std::memcmp(record.data() + 16, key.data(), key.size()) != 0)
        return std::nullopt;
    std::string body(record.size() - nonce_at - nonce_bytes - mac_bytes, '\0');
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            bytes(body), nullptr, nullptr, bytes(record) + nonce_at + nonce_bytes, body.size() + mac_bytes,
            bytes(record), nonce_at, bytes(record) + nonce_at, seal_key_.data()) != 0)
        return std::nullopt;
    return body;
}

std::string secrets::seal_handle(const session_key &key, const session_id &step, uint64_t expires_ms)
{
    std::array<uint8_t, 32 + 16 + 8> plain;
    auto nonce = next_nonce();
    std::string sealed(nonce.size() + plain.size() + mac_bytes, '\0');

    std::memcpy(plain.data(), key.data(), key.size());
    std::memcpy(plain.data() + 32, step.data(), step.size());
    std::memcpy(plain.data() + 48, &expires_ms, sizeof(expires_ms));
    std::memcpy(sealed.data(), nonce.data(), nonce.size());
    crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(sealed) + nonce.size(), nullptr, plain.data(),
                                               plain.size(), nullptr, 0, nullptr, nonce.data(),
                                               handle_key_.data());
    return base64url(sealed);
}

std::string secrets::sign(std::string_view message) const
{
    std::string signature(crypto_sign_BYTES, '\0');

    crypto_sign_detached(bytes(signature), nullptr, bytes(message), message.size(), signing_key_.data());
    return signature;
}

std::array<uint8_t, 16> secrets::token_tag(std::string_view message) const
{
    std::array<uint8_t, 16> tag;

    crypto_generichash(tag.data(), tag.size(), bytes(message), message.size(), token_tag_key_.data(),
                       token_tag_key_.size());
    return tag;
}

} // namespace peer
