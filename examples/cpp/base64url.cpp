#include "base64url.hpp"

#include <cstdint>
#include <cstring>

static const char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string Base64UrlEncode(const std::string &bytes) {
    std::string text;
    uint32_t bits = 0;
    int held = 0;

    for (const unsigned char byte : bytes) {
        bits = bits << 8 | byte;
        for (held += 8; held >= 6; held -= 6) text += kLetters[bits >> (held - 6) & 63];
    }
    if (held > 0) text += kLetters[bits << (6 - held) & 63];
    return text;
}

std::string Base64UrlDecode(const std::string &text) {
    std::string bytes;
    uint32_t bits = 0;
    int held = 0;

    for (const char letter : text) {
        const char *at = letter == '\0' ? nullptr : std::strchr(kLetters, letter);
        if (at == nullptr) break;
        bits = bits << 6 | static_cast<uint32_t>(at - kLetters);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes += static_cast<char>(bits >> held & 255);
        }
    }
    return bytes;
}
