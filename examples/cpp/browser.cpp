#include "browser.hpp"

#include <memory>
#include <regex>
#include <stdexcept>

#include <curl/curl.h>

namespace {

// HTML's character references, of which these pages use the decimal ones.
std::string Text(const std::string &html) {
    static const std::regex reference("&#([0-9]+);");
    std::string text;
    std::string rest = html;

    for (std::smatch hit; std::regex_search(rest, hit, reference); rest = hit.suffix())
        text += hit.prefix().str() + static_cast<char>(std::stoi(hit[1]));
    return text + rest;
}

std::string Action(const std::string &page) {
    static const std::regex form("<form [^>]*action=\"([^\"]*)\"");
    std::smatch hit;

    if (!std::regex_search(page, hit, form)) throw std::runtime_error("a page without a form: " + page);
    return Text(hit[1]);
}

Form Hidden(const std::string &page) {
    static const std::regex input("<input type=\"hidden\" name=\"([^\"]*)\" value=\"([^\"]*)\">");
    Form fields;

    for (auto hit = std::sregex_iterator(page.begin(), page.end(), input); hit != std::sregex_iterator(); ++hit)
        fields[Text((*hit)[1])] = Text((*hit)[2]);
    return fields;
}

size_t Append(char *bytes, size_t size, size_t count, void *body) {
    static_cast<std::string *>(body)->append(bytes, size * count);
    return size * count;
}

std::string Encode(CURL *curl, const std::string &text) {
    char *encoded = curl_easy_escape(curl, text.data(), static_cast<int>(text.size()));
    std::string copy = encoded;

    curl_free(encoded);
    return copy;
}

}  // namespace

std::string Browser::Challenge(const std::string &bank, const Form &form, const std::string &code) const {
    const std::string question = Post(bank + "/acs/challenge", form).body;
    Form answer = Hidden(question);
    answer["code"] = code;
    const std::string thanks = Post(bank + Action(question), answer).body;  // a form that posts itself to termUrl
    const Answer back = Post(Action(thanks), Hidden(thanks));              // to sessiond

    if (back.status != 303) throw std::runtime_error("the return URL answered " + std::to_string(back.status) + ": " + back.body);
    return back.location;
}

// Follows no redirect: where it leads is what we want to know.
Browser::Answer Browser::Post(const std::string &address, const Form &form) const {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
    std::string fields;
    Answer answer;
    char *location = nullptr;

    for (const auto &[name, value] : form)
        fields += (fields.empty() ? "" : "&") + Encode(curl.get(), name) + "=" + Encode(curl.get(), value);
    curl_easy_setopt(curl.get(), CURLOPT_URL, address.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, fields.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, user_agent_.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");  // both are of this machine
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Append);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
    const CURLcode failed = curl_easy_perform(curl.get());
    if (failed != CURLE_OK) throw std::runtime_error(address + ": " + curl_easy_strerror(failed));
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_getinfo(curl.get(), CURLINFO_REDIRECT_URL, &location);
    if (location != nullptr) answer.location = location;
    return answer;
}
