"""Stands in for the shopper and the browser: opens the bank's page, types the code, and goes where the pages lead. A real shop has none
of this, it has a browser."""
import html.parser
import urllib.error
import urllib.parse
import urllib.request

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) example"


class Form(html.parser.HTMLParser):
    """The first form of a page: its address and its hidden fields."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = attributes["action"]
        if tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes["name"]] = attributes.get("value", "")


class StayHere(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer here: where it leads is what we want to know."""

    def redirect_request(self, *_):
        return None


BROWSER = urllib.request.build_opener(StayHere)


def post(url, fields):
    request = urllib.request.Request(url, urllib.parse.urlencode(fields).encode(), {"User-Agent": USER_AGENT})
    return BROWSER.open(request, timeout=30)


def confirm(challenge_url, fields, code):
    """The address of the shop at which the browser ends."""
    asked = Form(post(challenge_url, fields).read().decode())
    answered = Form(post(urllib.parse.urljoin(challenge_url, asked.action), asked.fields | {"code": code}).read().decode())
    try:
        post(answered.action, answered.fields)  # to sessiond, which keeps it and sends the browser on
    except urllib.error.HTTPError as answer:
        if answer.code == 303:
            return answer.headers["Location"]
        raise
    raise RuntimeError("the browser was not sent on")
