"""What a session must do, told a second time: from the design (section 7) and the comments of session.proto, without a look at the server's
table. Deliberately another shape than a table of states and events: rules in the words of a payment.
"""
import dataclasses

STEPS = {"AUTHENTICATING", "REDIRECTED"}
CLOSED = {"COMPLETED", "FAILED", "EXPIRED", "REVOKED"}
OUTCOMES = {"COMPLETED": "COMPLETED", "FAILED": "FAILED"}
BY_CALLER = {"AUTHENTICATION_STARTED", "REDIRECT_STARTED", "BROWSER_RETURNED", "CHALLENGE_PASSED", "PROCESSING_STARTED", "COMPLETED",
             "FAILED", "STEP_CANCELLED", "ATTEMPT_FAILED"}


def moves(status, event):
    """The new status, or None: too late, nothing happens."""
    if (status, event) == ("FAILED", "COMPLETED"):
        return "COMPLETED"  # money has moved after all
    if status in CLOSED:
        return None  # terminal states never move
    if event == "ATTEMPT_FAILED":
        return None if status == "OPEN" else "OPEN"  # there must be an attempt
    if event in OUTCOMES:
        return OUTCOMES[event]  # the connector's word counts whenever the payment is not over
    if status == "PROCESSING":
        return None  # only its outcome ends it: no expiry, no revocation
    if event == "PROCESSING_STARTED":
        return "PROCESSING"
    if event in ("REVOKED", "EXPIRED"):
        return event
    if event == "REDIRECT_STARTED":
        return "REDIRECTED"  # a second one replaces the first, but for one of BeginStep (below)
    if event == "AUTHENTICATION_STARTED":
        return None if status in STEPS else "AUTHENTICATING"
    if event == "BROWSER_RETURNED":
        return "RETURNED" if status in STEPS else None
    if event == "STEP_TIMED_OUT":
        return "OPEN" if status in STEPS else None
    # passed or given up: there must be something that was begun
    assert event in ("CHALLENGE_PASSED", "STEP_CANCELLED"), event
    return None if status == "OPEN" else "OPEN"


@dataclasses.dataclass
class Model:
    status: str = "OPEN"
    version: int = 1
    generation: int = 1
    amount: int = 10000
    text: str = ""
    customer: str = ""
    applied: list = dataclasses.field(default_factory=list)  # their ids
    seen: list = dataclasses.field(default_factory=list)  # of applied events, and of the late ones in the history
    history: list = dataclasses.field(default_factory=list)  # (event, id, outcome)
    open_step: str = None  # event id of the BeginStep whose step is open
    short_step: int = 0  # version at which a step that will run out began

    def next_events(self):
        return {event for event in BY_CALLER if moves(self.status, event)}

    def event(self, event, event_id="", customer=""):
        """The outcome that must be reported."""
        if event_id and event_id in self.seen:
            return "DUPLICATE"
        after = moves(self.status, event)
        goes_on = event == "REDIRECT_STARTED" and self.status == "REDIRECTED"  # told of the step that BeginStep began
        outcome = "APPLIED" if after else "LATE"
        if after or self.records_late(event):
            self.record((event, event_id, outcome))
        self.applied += [event_id] * bool(after and event_id)
        self.seen = [one for _, one, _ in self.history if one] + self.applied
        if after:
            self.status = after
            self.version += 1
            self.generation += event in ("CHALLENGE_PASSED", "ATTEMPT_FAILED")  # both told with the token
            self.customer = customer or self.customer
            self.open_step = self.open_step if goes_on else None
        return outcome

    def records_late(self, event):
        """What changes nothing is written down a few times only, and takes no place from what did."""
        late = [kind for kind, _, outcome in self.history if outcome == "LATE"]
        return len(late) < 8 and late.count(event) < 2 and len(self.history) < 16 and self.status != "EXPIRED"

    def record(self, row):
        if len(self.history) == 16:
            self.history.remove(next((one for one in self.history if one[2] == "LATE"), self.history[0]))
        self.history.append(row)

    def update(self, amount=None, text=None):
        """The reason that it is refused for, or None."""
        if self.status == "PROCESSING":
            return "SESSION_PROCESSING"
        if self.status in CLOSED:
            return "SESSION_REVOKED" if self.status == "REVOKED" else "SESSION_CLOSED"
        if amount not in (None, self.amount) and self.status in STEPS:
            return "STEP_IN_PROGRESS"
        changed = amount not in (None, self.amount) or text not in (None, self.text)
        self.amount = self.amount if amount is None else amount
        self.text = self.text if text is None else text
        self.version += changed
        self.generation += changed
        return None

    def begin(self, event_id=""):
        if self.status == "PROCESSING":
            return "SESSION_PROCESSING"
        if self.status in CLOSED:
            return "SESSION_REVOKED" if self.status == "REVOKED" else "SESSION_CLOSED"
        self.open_step = None  # another one takes its place
        self.event("REDIRECT_STARTED", event_id)
        self.open_step = event_id
        return None

    def revoke(self):
        if self.status == "PROCESSING":
            return "SESSION_PROCESSING"
        if self.status in ("COMPLETED", "FAILED"):
            return "SESSION_CLOSED"
        if self.status != "REVOKED":
            self.event("REVOKED")
        return None
