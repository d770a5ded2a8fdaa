// RFC 4648, section 5, without padding: how 3-D Secure messages travel in forms.
#pragma once

#include <string>

std::string Base64UrlEncode(const std::string &bytes);
// Up to the first letter that is none of the alphabet's.
std::string Base64UrlDecode(const std::string &text);
