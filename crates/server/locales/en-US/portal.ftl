## Frame

skip = Skip to the content
search = Search
search-go = Search
nav-main = Main
nav-tabs = Places
nav-approvals = Approvals
nav-requests = Requests
nav-directory = Directory
nav-companies = Companies
nav-locations = Locations
nav-computers = Computers
nav-users = Users
nav-contacts = Contacts
nav-control = Control
nav-settings = Settings
nav-steps = Ticket steps
nav-ticketing = Ticketing System
nav-alerts = Alerts
nav-more = More
nav-waiting = waiting
nav-unlinked = without a link
nav-attention = need attention
halo-connected = HaloPSA connected
halo-not-set = HaloPSA not connected
halo-failing = HaloPSA: tickets wait
person-menu = Your menu
theme-switch = Light or dark
sign-out = Sign out
close = Close
cancel = Cancel
save = Save
edit = Edit
copy = Copy
copied = Copied
copy-value = Copy { $name }
copy-link = Copy link
filter-clear = Clear the filter
list-more = Next page
just-now = just now
ago = ago
call-failed = The server did not answer. Nothing was changed; try again.

live = Live
live-reconnecting = Reconnecting
live-offline = Offline
live-offline-help = Decisions still work; reload to see new ones
new-requests = New requests are waiting

## Keys

keys-title = Keys
keys-all = all keys
keys-off = Switch single keys off on this device
key-move = Next, previous request or row
key-approve = Approve
key-deny = Deny
key-reason = Write a reason
key-open = Open as page
key-copy = Copy the link
key-search = Search
key-filter = Filter a list
key-choose = Choose a row of a list
key-link = Link the chosen rows
key-back = Back, cancel
key-enter = Enter
hint-move = move
hint-approve = approve
hint-deny = deny

## Spans

span-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
span-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
span-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}

## Sign-in

sign-in-title = Sign in to Countersign
sign-in-link = This link signs { $name } in once, on this device. Opening it changed nothing; the button does.
sign-in-button = Sign in
sign-in-refused = This link was used before, or its time is over.
sign-in-none = Countersign is entered by a one-use link.
sign-in-new-link = An administrator makes a new one on the server:
sign-in-no-account = No account? Ask an administrator.

## Problems

problem-not-found-title = There is nothing here
problem-not-found-text = The address is wrong, or the record belongs to a company that you do not see.
problem-forbidden-title = This is not yours to do
problem-forbidden-text = Your role does not allow it. An administrator can change roles.
problem-stale-title = This page is too old
problem-stale-text = It was open over a sign-out or a restart. Nothing was changed. Open it again and repeat the last step.
problem-too-large-title = This is too much at once
problem-too-large-text = Nothing was changed. Send less at a time.
problem-too-large-most = A form may have { $size } here at the most. Nothing was changed; send less at a time.
problem-refused-title = Not done
problem-refused-text = Nothing was changed.
problem-internal-title = Something broke on the server
problem-internal-text = Nothing that was confirmed is lost. The log holds the cause.
problem-unavailable-title = The server cannot save right now
problem-unavailable-text = Nothing was changed. Try again in a moment; the administrator sees the cause in the log.
problem-back = To the approvals

role-l1 = Level 1
role-l2 = Level 2
role-l3 = Level 3
role-administrator = Administrator
role-client_administrator = Client administrator
role-auditor = Auditor
demo-banner = This is the demo: sample companies, a pretended Halo, and no second factor.
