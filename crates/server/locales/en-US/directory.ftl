link-tabs = By link
tab-linked = Linked
tab-unlinked = Unlinked
tab-ambiguous = Ambiguous
tab-missing = Missing
link-linked = Linked
link-unlinked = Unlinked
link-ambiguous = Ambiguous
link-missing = Missing
linked-true = True
linked-false = False
linked-short = Linked:
link = Link
link-choose = Choose
link-by-hand = Link by hand
unlink-ask = Unlink…
unlink-text = Tickets that exist stay where they are. The link stays away until a person makes it again.
unlink-name = Unlink { $name }
link-by-hand-ask = Link by hand…
link-find = Find
link-follow = Follow
link-again = Link again
link-like = Like
link-maybe = maybe
link-alike = { $count } % alike
link-gone = “{ $name }” is gone in Halo
tickets-wait = { $count ->
    [one] { $count } ticket waits
   *[other] { $count } tickets wait
}
tickets-wait-link = { $count ->
    [one] { $count } ticket waits. Linking makes it at once, with the true times in its text.
   *[other] { $count } tickets wait. Linking makes them at once, with the true times in their text.
}
filter-name = Filter by name
chosen = chosen
choose-row = Choose { $name }
choose-all = Choose all on this page
open-row = Open { $name }
of-clear = Show all companies
size-locations = { $count ->
    [one] { $count } location
   *[other] { $count } locations
}
size-computers = { $count ->
    [one] { $count } computer
   *[other] { $count } computers
}
edit-row = Edit { $name }
actions = Actions
actions-ticketing = Ticketing system
actions-none = Choose records first.
export = Export CSV
export-all = all of this list
list-first = First page
not-done-said = Not done: { $why }
archive-type-name = Type “{ $name }” to confirm. Its computers ask for nothing any more.
archive-typed-wrong = That is another name. Nothing was archived.
archive-not-with-computers = Companies with computers are left out: archive those one at a time.
archive-alone-said = { $count ->
    [one] It has { $count } computer: archive it by itself
   *[other] It has { $count } computers: archive it by itself
}
add-company-choose = Choose…
add-company-missing = Choose the company of the location.
find = Find
others-more = { $count ->
    [one] { $count } more fits. Type more of its name.
   *[other] { $count } more fit. Type more of the name.
}
others-many = More than { $count } others fit. Type more of the name.
others-none = Nothing in Halo has “{ $query }” in its name.
import = Import
import-text = Look at what each line would do first. Nothing is written until you say so, and what cannot be done stands in its line.
import-file = The list
import-choose = A CSV file
import-paste = or its text
import-limits = At most { $lines } lines and { $size }, commas or semicolons, UTF-8. The first line names the columns.
import-too-large = The file is too large. Split it: at most { $lines } lines and { $size } at a time.
import-hidden = { $count ->
    [one] { $count } more line without an error is not shown here.
   *[other] { $count } more lines without an error are not shown here.
}
import-preview = Look at it first
import-preview-title = What would happen
import-lines-title = Line by line
import-col-line = Line
import-col-result = Result
import-col-detail = More
import-no-name = no name
import-ignored = These columns mean nothing here: { $columns }.
import-go = { $count ->
    [one] Import { $count } line
   *[other] Import { $count } lines
}
import-preview-created = { $count } would be created.
import-preview-exists = { $count } there already.
import-preview-linked = { $count } would be linked by hand.
import-preview-errors = { $count } not possible.
import-done-created = { $count } created.
import-done-exists = { $count } were there.
import-done-linked = { $count } linked by hand.
import-done-errors = { $count } not done.
import-preview-line-created = Will be created
import-done-line-created = Created
import-line-exists = Is there already
import-preview-line-error = Not possible
import-done-line-error = Not done
import-preview-line-linked = Will be linked to { $name }.
import-done-line-linked = Linked to { $name }.
col-linked = Linked to Ticketing System
col-in-halo = In Halo
col-step = Next step
col-waiting = Tickets waiting
col-created = Created
field-name = Name
field-role = Role
add = Add
field-email = E-mail
field-email-help = Halo's agent is found by this address. It never decides who may sign in.
link-how = Linked
link-how-auto = by name
link-how-auto-email = by e-mail
link-how-manual = by hand
link-by-id = Tied by Halo's id: renaming on either side breaks nothing.
link-by-hand-title = Choose by hand
link-id-help = Any record will do: write the number from its address in Halo.
link-id-missing = Choose a record or write its id.
blocked-company = Its company has no link yet
blocked-not-connected = HaloPSA is not connected
linked-said = Linked to { $name }
unlinked-said = The link is taken away.
link-none-said = No record fits
link-ambiguous-said = { $count } records fit; choose one
link-failed-said = Not linked: { $why }
many-linked-said = { $done } of { $all } linked.
many-unlinked-said = { $done } of { $all } unlinked.
saved-said = Saved.
none-in-state = None is in this state

companies-title = Companies
companies-col = Company
companies-choose = Halo customer, by id
companies-other = Halo customer
companies-summary = Every company is linked.
companies-summary-unlinked = { $count } without a link. Their tickets wait; requests are decided as usual.
companies-no-like = No similar customer
companies-ambiguous = { $count } customers have this name
companies-link-help = A company is tied to one Halo customer. Only then its requests become tickets.
companies-link-auto = Link by name
companies-rename-help = A name that equals the Halo customer's can be linked at once. After linking the name can be anything.
companies-add = Add company
companies-add-help = It is looked for among Halo's customers by this name.
companies-unlink-many = { $count ->
    [one] Unlink { $count } company
   *[other] Unlink { $count } companies
}
companies-find = Search Halo's customers
companies-tab-archived = Archived
companies-archive = Archive
companies-archive-ask = Archive…
companies-archive-text = Its locations, computers and contacts go with it. They leave every list, count and link; history and tickets stay. Enrolling a computer under its name brings it back.
companies-archive-name = Archive { $name }
companies-archive-many = { $count ->
    [one] Archive { $count } company
   *[other] Archive { $count } companies
}
companies-archived-title = This company is archived
companies-archived-text = It is in no list, count or choice; its history is kept.
companies-archived-said = Archived
companies-restored-said = Restored
companies-restore = Restore
companies-many-archived-said = { $done } of { $all } archived.
companies-many-restored-said = { $done } of { $all } restored.
companies-import = Import companies
companies-import-columns = Columns: name; psa_id ties to that Halo customer, whatever its name.
companies-import-sample = name,psa_id
    Stand-in Clinic,201
companies-back = Back to the companies
companies-empty = No company yet
companies-empty-text = A company appears when its first computer is enrolled.
companies-none-found = No company is called “{ $query }”

locations-title = Locations
locations-col = Location
locations-choose = Halo site, by id
locations-other = Halo site
locations-summary = Every location is linked.
locations-summary-unlinked = { $count } without a link. Their tickets go to the customer's main site.
locations-no-like = No similar site
locations-ambiguous = { $count } sites have this name
locations-link-help = A location is tied to one site of its company's Halo customer. It is not needed for a ticket; with it the ticket names the site.
locations-link-auto = Link by name
locations-rename-help = A name that equals the Halo site's can be linked at once. After linking the name can be anything.
locations-add = Add location
locations-add-help = It is looked for among the sites of its company's customer.
locations-unlink-many = { $count ->
    [one] Unlink { $count } location
   *[other] Unlink { $count } locations
}
locations-find = Search the customer's sites
locations-tab-archived = Archived
locations-archive = Archive
locations-archive-ask = Archive…
locations-archive-text = It leaves every list, count and link; its history stays. Computers that stand there are moved or archived first.
locations-archive-name = Archive { $name }
locations-archive-many = { $count ->
    [one] Archive { $count } location
   *[other] Archive { $count } locations
}
locations-archived-title = This location is archived
locations-archived-text = It is in no list, count or choice; its history is kept.
locations-archived-said = Archived
locations-restored-said = Restored
locations-restore = Restore
locations-many-archived-said = { $done } of { $all } archived.
locations-many-restored-said = { $done } of { $all } restored.
locations-import = Import locations
locations-import-columns = Columns: name, company (its name or id); psa_id ties to that Halo site, whatever its name.
locations-import-sample = name,company
    Main Street,Stand-in Clinic
locations-back = Back to the locations
locations-empty = No location yet
locations-empty-text = A location appears when a computer is enrolled in it.
locations-none-found = No location is called “{ $query }”

computers-title = Computers
computers-col = Computer
computers-choose = Halo asset, by id
computers-other = Halo asset
computers-summary = Every computer is linked.
computers-summary-unlinked = { $count } without a link. Their tickets name the computer in the text.
computers-no-like = No similar asset
computers-ambiguous = { $count } assets have this name
computers-link-help = A computer is tied to one asset of its company's Halo customer. It is not needed for a ticket; with it the ticket bears the asset.
computers-link-auto = Link by name
computers-rename-help = A name that equals the Halo asset's can be linked at once. After linking the name can be anything.
computers-add = Add computer
computers-add-help = A computer is added by enrolling it.
computers-unlink-many = { $count ->
    [one] Unlink { $count } computer
   *[other] Unlink { $count } computers
}
computers-find = Search the customer's assets
computers-tab-archived = Archived
computers-archive = Archive
computers-archive-ask = Archive…
computers-archive-text = It leaves every list, count and link, and asks for nothing any more; its history stays. Restoring it, or enrolling it again, brings it back.
computers-archive-name = Archive { $name }
computers-archive-many = { $count ->
    [one] Archive { $count } computer
   *[other] Archive { $count } computers
}
computers-archived-title = This computer is archived
computers-archived-text = It is in no list, count or choice; its history is kept.
computers-archived-said = Archived
computers-restored-said = Restored
computers-restore = Restore
computers-many-archived-said = { $done } of { $all } archived.
computers-many-restored-said = { $done } of { $all } restored.
computers-back = Back to the computers
computers-empty = No computer yet
computers-empty-text = Enrol one with countersign-agent enroll; the approvals page shows the command.
computers-none-found = No computer is called “{ $query }”

users-title = Users
users-col = User
users-choose = Halo agent, by id
users-other = Halo agent
users-summary = Every technician is linked.
users-summary-unlinked = { $count } without a link. Their time is logged under the API agent.
users-no-like = No agent has this address
users-ambiguous = { $count } agents have this address
users-link-help = A technician is tied to one Halo agent by e-mail. Only then time entries belong to the person who decided.
users-link-auto = Link by e-mail
users-rename-help = An address that equals the Halo agent's can be linked at once.
users-add = Add user
users-add-help = Halo's agent is found by this address. You get a one-use link to hand over.
users-unlink-many = { $count ->
    [one] Unlink { $count } user
   *[other] Unlink { $count } users
}
users-link-title = One-use sign-in link
users-link-text = Hand it over on a safe way. It signs in once, is good for 24 hours, and is not shown again.
users-sign-in = Sign-in
users-sign-in-help = A new link for somebody who lost the session.
users-make-link = Make a sign-in link
users-find = Search Halo's agents
users-tab-archived = Disabled
users-archive = Disable
users-archive-ask = Disable…
users-archive-text = Sessions, tokens and sign-in links end at once. What was decided keeps the name.
users-archive-name = Disable { $name }
users-archive-many = { $count ->
    [one] Disable { $count } user
   *[other] Disable { $count } users
}
users-archived-title = This user is disabled
users-archived-text = Nobody signs in as this user; the history is kept.
users-archived-said = Disabled
users-restored-said = Enabled
users-restore = Enable
users-many-archived-said = { $done } of { $all } disabled.
users-many-restored-said = { $done } of { $all } enabled.
users-sees = May see
users-sees-all = All companies, those of tomorrow too
users-sees-only = These companies
users-accounts = Own accounts on computers
users-accounts-help = One a line. What these accounts ask, this user does not decide.
users-import = Import users
users-import-columns = Columns: name, email, role; company with names and “|” between them, empty for all; psa_id ties to that Halo agent.
users-import-sample = name,email,role
    Maria Ruiz,maria.ruiz@example.com,l2
users-back = Back to the users
users-empty = No technician yet
users-empty-text = countersign admin create makes the first.
users-none-found = Nobody is called “{ $query }”

contacts-title = Contacts
contacts-col = Contact
contacts-choose = Halo contact, by id
contacts-other = Halo contact
contacts-summary = Every contact is linked.
contacts-summary-unlinked = { $count } without a link. Their tickets name the person in the text.
contacts-no-like = No contact has this address
contacts-ambiguous = { $count } contacts have this address
contacts-link-help = A contact is tied to one contact of its company's Halo customer by e-mail. It is not needed for a ticket; with it the ticket names the person.
contacts-link-auto = Link by e-mail
contacts-rename-help = A contact is as the endpoint told it.
contacts-add = Add contact
contacts-add-help = A contact appears with a request.
contacts-unlink-many = { $count ->
    [one] Unlink { $count } contact
   *[other] Unlink { $count } contacts
}
contacts-find = Search the customer's contacts
contacts-tab-archived = Archived
contacts-archive = Archive
contacts-archive-ask = Archive…
contacts-archive-text = A contact is archived with its company.
contacts-archive-name = Archive { $name }
contacts-archive-many = { $count ->
    [one] Archive { $count } contact
   *[other] Archive { $count } contacts
}
contacts-archived-title = This contact is archived
contacts-archived-text = It was archived with its company.
contacts-archived-said = Archived
contacts-restored-said = Restored
contacts-restore = Restore
contacts-many-archived-said = { $done } of { $all } archived.
contacts-many-restored-said = { $done } of { $all } restored.
contacts-back = Back to the contacts
contacts-empty = No contact yet
contacts-empty-text = A contact appears when an end user with a mail address asks.
contacts-none-found = No contact is called “{ $query }”
