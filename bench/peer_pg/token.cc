#include "token.hpp"

#include <charconv>
#include <cstring>
#include <ctime>

#include "text.hpp"

namespace peer
{

namespace
{

constexpr std::string_view prefix = "sess_", header = "v4.public.";
constexpr std::string_view footer_begin =
    "{\"kid\":\"k4.pid.peer0123456789peer0123456789peer0123456789peer\",\"tag\":\"";
constexpr std::string_view footer_end = "\"}";
constexpr size_t token_max = 2048;

std::string rfc3339(uint64_t ms)
{
    char text[32];
    time_t seconds = static_cast<time_t>(ms / 1000);
    tm parts;

    gmtime_r(&seconds, &parts);
    return {text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+00:00", &parts)};
}

/* PASETO's pre-authentication encoding (PAE): how many pieces, then each behind its length. */
std::string encode_pieces(std::initializer_list<std::string_view> pieces)
{
    std::string all;
    auto put_number = [&all](uint64_t number) {
        char bytes[8];
        std::memcpy(bytes, &number, sizeof(bytes));
        all.append(bytes, sizeof(bytes));
    };

    put_number(pieces.size());
    for (auto piece : pieces) {
        put_number(piece.size());
        all += piece;
    }
    return all;
}

/* Names and numbers are ours; the merchant's name was checked when it came. */
std::string encode_claims(const claims &what)
{
    std::string json;

    json.reserve(640);
    json += R"({"iss":"sessiond","aud":"sessiond","jti":")" + what.session_id;
    json += R"(","iat":")" + rfc3339(what.issued_ms) + R"(","nbf":")" + rfc3339(what.issued_ms - 2000);
    json += R"(","exp":")" + rfc3339(what.expires_ms) + R"(","sub":")" + what.merchant;
    json += R"(","gen":)" + std::to_string(what.generation) + R"(,"con":")" + what.connector;
    json += R"(","amt":)" + std::to_string(what.minor_amount) + R"(,"cur":")" + what.currency;
    json += what.test ? R"(","test":true,"end":)" : R"(","test":false,"end":)";
    json += std::to_string(what.expires_ms) + R"(,"msh":")" + what.merchant_session_hash;
    json += R"(","bih":")" + what.browser_hash + R"(","bnd":"user_agent_family user_agent_version"})";
    return json;
}

/* What stands behind a name, up to its end: what was signed here has the form of encode_claims. */
std::string_view value_of(std::string_view json, std::string_view name, char end)
{
    size_t at = json.find(name);

    if (at == json.npos)
        return {};
    json.remove_prefix(at + name.size());
    return json.substr(0, json.find(end));
}

template <typename number> number number_of(std::string_view json, std::string_view name)
{
    std::string_view digits = value_of(json, name, ',');
    number value = 0;

    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

} // namespace

std::string mint_token(const secrets &keys, const claims &what)
{
    std::string message = encode_claims(what);
    std::string footer(footer_begin);

    footer += base64url(view(keys.token_tag(encode_pieces({header, message}))));
    footer += footer_end;
    message += keys.sign(encode_pieces({header, message, footer, ""}));
    std::string token;
    token.reserve(1024);
    token += prefix;
    token += header;
    token += base64url(message);
    token += '.';
    return token += base64url(footer);
}

std::optional<claims> read_token(const secrets &keys, std::string_view token)
{
    if (token.size() > token_max || !token.starts_with(prefix) ||
        !token.substr(prefix.size()).starts_with(header))
        return std::nullopt;
    token.remove_prefix(prefix.size() + header.size());
    size_t dot = token.find('.');
    if (dot == token.npos)
        return std::nullopt;
    auto message = from_base64url(token.substr(0, dot)), footer = from_base64url(token.substr(dot + 1));
    if (!message || !footer || message->size() < crypto_sign_BYTES)
        return std::nullopt;
    message->resize(message->size() - crypto_sign_BYTES);
    std::string wanted(footer_begin);
    wanted += base64url(view(keys.token_tag(encode_pieces({header, *message}))));
    wanted += footer_end;
    if (wanted.size() != footer->size() || sodium_memcmp(wanted.data(), footer->data(), wanted.size()) != 0)
        return std::nullopt;
    claims result{};
    result.session_id = value_of(*message, R"("jti":")", '"');
    result.merchant = value_of(*message, R"("sub":")", '"');
    result.merchant_session_hash = value_of(*message, R"("msh":")", '"');
    result.generation = number_of<uint32_t>(*message, R"("gen":)");
    result.expires_ms = number_of<uint64_t>(*message, R"("end":)");
    result.test = value_of(*message, R"("test":)", ',') == "true";
    return result;
}

} // namespace peer
