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
link-like = Like
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
choose-all = Choose all
edit-row = Edit { $name }
actions = Actions
actions-ticketing = Ticketing system
actions-none = Choose records first.
col-linked = Linked to Ticketing System
col-in-halo = In Halo
col-step = Next step
col-waiting = Tickets waiting
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
link-id-help = Type to find it, or write the number from its address in Halo.
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
companies-choose = Halo customer, by name or id
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
companies-back = Back to the companies
companies-empty = No company yet
companies-empty-text = A company appears when its first computer is enrolled.
companies-none-found = No company is called “{ $query }”

locations-title = Locations
locations-col = Location
locations-choose = Halo site, by name or id
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
locations-back = Back to the locations
locations-empty = No location yet
locations-empty-text = A location appears when a computer is enrolled in it.
locations-none-found = No location is called “{ $query }”

computers-title = Computers
computers-col = Computer
computers-choose = Halo asset, by name or id
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
computers-back = Back to the computers
computers-empty = No computer yet
computers-empty-text = Enrol one with countersign-agent enroll; the approvals page shows the command.
computers-none-found = No computer is called “{ $query }”

users-title = Users
users-col = User
users-choose = Halo agent, by name or id
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
users-back = Back to the users
users-empty = No technician yet
users-empty-text = countersign admin create makes the first.
users-none-found = Nobody is called “{ $query }”
