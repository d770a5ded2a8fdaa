// Stands in for the shopper and the browser: nothing of this belongs into a shop.
#pragma once

#include <map>
#include <string>

using Form = std::map<std::string, std::string>;

class Browser {
public:
    explicit Browser(const std::string &user_agent) : user_agent_(user_agent) {}

    // Opens the bank's page with the shop's form, answers it with the code, and says where that has led in the end. Throws
    // std::runtime_error.
    std::string Challenge(const std::string &bank, const Form &form, const std::string &code) const;

private:
    struct Answer {
        long status = 0;
        std::string location;
        std::string body;
    };

    Answer Post(const std::string &address, const Form &form) const;

    std::string user_agent_;
};
