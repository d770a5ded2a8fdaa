/* text.hpp - bytes as text: base64url without padding, hexadecimal digits; and the time. */
#ifndef PEER_PG_TEXT_HPP
#define PEER_PG_TEXT_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sodium.h>

namespace peer
{

inline std::string base64url(std::string_view bytes)
{
    constexpr int form = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    std::string text(sodium_base64_ENCODED_LEN(bytes.size(), form), '\0');

    sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(),
                      form);
    text.pop_back(); /* its NUL */
    return text;
}

inline std::optional<std::string> from_base64url(std::string_view text)
{
    std::string bytes(text.size() / 4 * 3 + 3, '\0');
    size_t len;
    const char *end;

    if (sodium_base642bin(reinterpret_cast<uint8_t *>(bytes.data()), bytes.size(), text.data(), text.size(),
                          nullptr, &len, &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        end != text.data() + text.size())
        return std::nullopt;
    bytes.resize(len);
    return bytes;
}

template <typename array> std::string_view view(const array &bytes)
{
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

inline std::string hex(std::string_view bytes)
{
    std::string text(bytes.size() * 2 + 1, '\0');

    sodium_bin2hex(text.data(), text.size(), reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
    text.pop_back();
    return text;
}

inline uint64_t now_ms()
{
    using namespace std::chrono;
    return static_cast<uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

} // namespace peer

#endif
