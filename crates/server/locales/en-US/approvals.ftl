queue-tabs = Waiting or decided
tab-waiting = Waiting
tab-decided = Decided
queue-empty = Nothing is waiting
queue-empty-text = Requests appear here the moment somebody asks.
queue-more = { $count } are waiting. The longest waiting stand here.
asked-again = asked again
asked-times = asked { $count } times

risk-high = High risk
risk-look-twice = Look twice
risk-low = Low risk

pane-label = Request
pane-none = Choose a request.
pane-reasons = What speaks for and against
pane-program = Program
pane-risk = Risk
pane-before = On this computer before
pane-program-before = This program here before
pane-decision = Decision
back-to-list = Back
open-page = Open as page
on-computer = on
asked-at = asked
past-when = When
past-what = Program
past-who = By
past-answer = Answer

fact-publisher = Publisher
fact-path = Path
fact-version = Version
fact-size = Size
fact-hash = SHA-256
fact-run-as = Runs as
fact-parent = Started by
fact-folder = Folder
fact-ticket = Ticket
fact-command-line = Command line
fact-contact = Contact
publisher-unverified = { $name }, signature not verified
publisher-none = Not signed
run-as-default = Administrator

ticket-waits-link = Waits for the company's link
ticket-on-its-way = On its way
ticket-attention = Needs attention
ticket-not-set = No ticketing system connected
ticket-none = None

bar-allow = Allow
bar-scope = How far it is allowed
bar-within = within
bar-validity = How long the approval is good
bar-reason = Reason for user and ticket, optional
bar-reason-needed = Why is this fine? The reason is needed
bar-outcome = One grant and one ticket. { $count } min are booked to you.
bar-outcome-measured = One grant and one ticket. The time you took is booked to you.
bar-outcome-no-time = One grant and one ticket.
bar-confirm = Approve a high-risk request?
bar-confirm-text = The grant holds for exactly this program (hash), once, within { $span }. Say why; the reason goes into the ticket and the audit log.
bar-reason-missing = A high-risk request is approved only with a reason.
bar-may-not-role = Your role reads; it does not decide.
bar-may-not-own = You asked for this yourself. Somebody else decides it.
scope-once = once
scope-computer = on this computer (comes with rules)
scope-location = in this location (comes with rules)
scope-company = in this company (comes with rules)
scope-everywhere = everywhere (comes with rules)
approve = Approve
approve-ask = Approve…
approve-once = Approve once
deny = Deny
review = Review…
add-reason = Add reason
next-request = Next request
card-once = Once, within { $span }
card-validity = Validity for { $program }
card-reason = Reason for { $program }

decided-approved = Approved by { $name }
decided-denied = Denied by { $name }
decided-withdrawn = Withdrawn by the user
decided-expired = Expired without an answer
decided-lapsed = Approved by { $name }, not used in time
decided-revoked = Revoked by { $name }
did-approve = Approved { $program } on { $computer }
did-deny = Denied { $program } on { $computer }

first-title = Nothing is waiting yet
first-text = { $count ->
    [0] Requests appear here the moment somebody asks. Everything is set up.
    [one] Requests appear here the moment somebody asks. One thing is left to do.
   *[other] Requests appear here the moment somebody asks. { $count } things are left to do, in any order; this takes about ten minutes.
}
first-account = Your account
first-halo = Connect HaloPSA
first-halo-text = The page says what to click in Halo and checks every right live. Decisions work without it; tickets wait.
start-setup = Start Setup
first-computer = Enrol a first computer
first-computer-text = Run this on a computer, with the names of its company and location. The key is good for 10 computers and 24 hours, and is shown once.
first-computer-key = An enrolment key ties computers to this server. It is good for 10 computers and 24 hours.
first-computer-make = Make a key
first-key-name = First computers
first-computer-wait = Waiting for the first computer
first-computers = { $count ->
    [one] { $count } computer enrolled.
   *[other] { $count } computers enrolled.
}
first-others = Invite the others
first-others-text = Each technician sees only the companies you choose.

reason-none = Nothing stands out
reason-shell = A shell starts any other program
reason-interpreter = An interpreter runs any script
reason-package_manager = A package manager installs programs and runs their scripts
reason-editor = An editor changes any file
reason-unknown_origin = Nobody signed it, no package holds it
reason-signature_not_verified = The signature does not verify
reason-open_folder = In a folder that ordinary users can change
reason-signed = Signed by a verified publisher
reason-packaged = Part of a package of the system
fact-package = Package
fact-owner = Owner
