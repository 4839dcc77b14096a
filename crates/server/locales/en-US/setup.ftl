## Frame of the guided set-up

setup-name = Connect HaloPSA
setup-steps = Steps of the set-up
setup-at = step { $count } of 8
setup-passed = done
setup-saved = Saved as you go. You can leave and come back.
setup-leave = Leave the set-up
setup-back = Back
setup-go-on = Continue
setup-go-on-anyway = Continue anyway
setup-save-go-on = Save and continue
setup-back-to-settings = Settings
setup-look-again = Look again
setup-new = Start Setup
setup-new-text = Eight steps, about ten minutes: what to click in Halo, a live check of every right, and a test ticket.
setup-begun = Continue Setup
setup-begun-text = The set-up was begun. It goes on where it was left.
setup-over = Go through Setup again
setup-over-text = Checks every right again, with the steps in Halo beside it. Links stay as they are.
setup-reader = An administrator sets this up
setup-reader-text = Your role reads the settings. These people may change them:

setup-agent = API-only agent
setup-agent-title = The API-only agent
setup-agent-text = Countersign works in Halo as an agent of its own. Make it, and give it these rights and no more. Tick what is done; the live check tells later whether it is.
setup-application = Halo application
setup-application-title = The application
setup-application-text = It lets Countersign log in as that agent. Five things to do in Halo, in this order.
setup-connection = Address and secret
setup-connection-title = Address and secret
setup-connection-text = Where your Halo is, and how to log in. The connection is tried before it is kept.
setup-check = Live check
setup-check-title = Live check
setup-check-text = What Halo lets the agent do, right now. It only reads; nothing is written.
setup-tickets = Tickets and time
setup-tickets-title = Tickets and time
setup-tickets-text = What a ticket is made of. The lists come from Halo and hold what the agent may use; what fits is chosen already.
setup-customers = Companies
setup-customers-title = Companies
setup-customers-text = A request becomes a ticket once its company is linked to a customer in Halo. Links are by id: both sides can be renamed later.
setup-test = Test ticket
setup-test-title = Test ticket
setup-test-text = Some rights show only when something is written. One ticket is made, worked on and closed.
setup-done = Done
setup-done-title = Set up
setup-done-text = Countersign writes its tickets to Halo. What is left can be done at any time.

## 1 The API-only agent

agent-ticked = { $ticked } of { $all } ticked
agent-group-agent = The agent
agent-group-agent-place = Configuration › Teams & Agents › Agents › New.
agent-group-agent-text = What Countersign writes stays apart from what people write.
agent-group-team = Its teams
agent-group-team-place = Team-Agent Relationship.
agent-group-team-text = Where Halo goes by teams: every team whose tickets the agent reads and updates, so the one of the ticket type you will choose, and those of your technicians.
agent-group-department = Its departments
agent-group-department-place = Department-Agent Relationship.
agent-group-department-text = Where Halo goes by departments. Teams, departments or both: whichever your Halo needs.
agent-group-features = Feature Access
agent-group-features-place = A role of the agent, or its Permissions tab.
agent-group-features-text = With several roles the highest level counts.
agent-group-tickets = Tickets Permissions
agent-group-tickets-place = The same role or Permissions tab.
agent-group-tickets-text = In Halo's words; what each is for stands below it.

agent-api-only = API-only Agent
agent-api-only-value = On
agent-api-only-help = It has no password and nobody logs in as it.
agent-default-team = Default team
agent-default-team-value = One of its teams
agent-default-team-help = Without one it may not see other agents, and technicians cannot be linked.
agent-can-be-assigned = Can be assigned to
agent-can-be-assigned-value = On
agent-can-be-assigned-help = New tickets begin with it.
agent-sees-unassigned = Can see Unassigned Tickets for this Team
agent-sees-unassigned-value = On
agent-sees-unassigned-help = Otherwise a new ticket vanishes from its sight.
agent-sees-others = Can see Tickets assigned to other Agents in this Team
agent-sees-others-value = On
agent-sees-others-help = Otherwise a ticket vanishes once a technician has it.
agent-membership = Membership Level
agent-membership-value = View All
agent-membership-help = If tickets are not updated: Modify All.
agent-tickets-level = Tickets Access Level
agent-tickets-level-value = Read and Modify
agent-tickets-level-help = To open tickets and write to them.
agent-client-level = Client Access Level
agent-client-level-value = View (Names Only)
agent-client-level-help = To link companies and locations by name.
agent-assets-level = Assets Access Level
agent-assets-level-value = Read Only
agent-assets-level-help = To put the computer on the ticket.
agent-add-tickets = Can add new Tickets
agent-add-tickets-value = Yes
agent-add-tickets-help = Each request opens one.
agent-view-unassigned = Can view Unassigned Tickets
agent-view-unassigned-value = Yes
agent-view-unassigned-help = To find its own tickets again.
agent-view-others = Can view Tickets that are assigned to other Agents
agent-view-others-value = Yes
agent-view-others-help = To go on with a ticket that a technician has.
agent-re-assign = Can Re-assign Tickets
agent-re-assign-value = Yes
agent-re-assign-help = To give the ticket to who decided. Set it to No if tickets shall stay where they are; all else works then, too.
agent-assign-other-teams = Can assign to Agents in Teams the Agent is not a member of
agent-assign-other-teams-value = Yes
agent-assign-other-teams-help = For technicians of other teams.
agent-edit-others = Can Edit Tickets Which Are Not Assigned To Them
agent-edit-others-value = Yes
agent-edit-others-help = To write the decision to a ticket that a technician has.
agent-update-outside = Can always update Ticket Statuses and re-assign Tickets outside of actions
agent-update-outside-value = Yes
agent-update-outside-help = To set a status that the action did not set.

## 2 The application

app-1 = 1. Begin a new application
app-1-text = On the left of Halo:
app-1-place = Configuration › Integrations › HaloPSA API › Applications › New
app-1-sketch = Drawing: the list of applications in Halo, with the button New
app-2 = 2. Say who logs in, and how
app-2-text = Authentication Method is “Client ID and Secret (Services)”, Login Type is “Agent”. Agent to log in as is the API-only agent; it cannot be None.
app-2-sketch = Drawing: the Details tab of the application with its four fields
app-3 = 3. Give it four permissions
app-3-text = On the Permissions tab, exactly these names:
app-3-sketch = Drawing: the Permissions tab with four permissions selected and no other
app-4 = 4. Copy Client ID and Client Secret
app-4-text = From the Details tab. Halo shows the secret once: keep this page open beside it, or paste both into the next step before you save.
app-4-sketch = Drawing: Client ID and Client Secret on the Details tab
app-5 = 5. Save and wait a few seconds
app-5-text = A new application needs some seconds until all of Halo knows it. The next step waits for it by itself.
app-5-sketch = Drawing: the button Save of the application
halo-api-page = Configuration › Integrations › HaloPSA API
halo-applications = Applications
halo-new = New
halo-save = Save
halo-details = Details
halo-permissions = Permissions
halo-app-name = Application Name
halo-app-name-value = Countersign
halo-method = Authentication Method
halo-method-value = Client ID and Secret (Services)
halo-login = Login Type
halo-login-value = Agent
halo-agent = Agent to log in as *
halo-agent-value = Countersign API
halo-client-id = Client ID
halo-client-id-value = 6f0d2c1e-0000-4000-8000-…
halo-client-secret = Client Secret
halo-client-secret-value = shown once, copy it now
halo-other-scopes = every other one: not selected

## 3 Address and secret

connection-find = Find the addresses
connection-address = Any address of your Halo
connection-address-help = The one in your browser's address bar will do. Halo is asked where its servers are; each can be changed below.
connection-find-do = Find
connection-found = Halo told its addresses; they stand below.
connection-address-missing = An address such as https://halo.example.com
connection-values = How to log in
connection-save = Save and try
connection-not-kept = Not in force yet; the field says why. What you typed is kept.
connection-missing = Fill this in.
connection-line-text = Whoever runs this server adds the line to countersign.toml and starts it again. What you typed is kept until then.
connection-links-stay = A changed address or secret changes no link. For another Halo altogether unlink the companies first: ids mean other records there.
connection-sketch = Drawing: the page HaloPSA API with resource server, authorisation server and tenant
connection-sketch-text = The page HaloPSA API shows all three.
setup-secret-none = Halo shows it once, on the application's Details tab. It is kept sealed and never shown again.
setup-secret-kept = A secret is kept. Enter another to replace it.
setup-secret-typed = The secret you entered is kept for the next try. Enter another to replace it.
connecting-title = Trying the connection
connecting-asks = Asking Halo for a token.
connecting-not-yet = Halo does not know this application yet, and is asked again:
connecting-change = Change what was entered
connecting-tries = Asked { $tries } times in { $seconds } s; given up after 30 s.

## 4 Live check

check-word-checking = Checking
check-left = { $count ->
    [one] { $count } line to go
   *[other] { $count } lines to go
}
check-again = Check again
check-runs = The check runs

## 5 Tickets and time

tk-leave-to-halo = Left to Halo
tk-team = Team
tk-team-help = The team of new tickets. Left to Halo, it is the ticket type's.
tk-priority = Priority
tk-priority-help = Those of the ticket type's service level.
tickets-read-type = Read the statuses of this type
tickets-type-missing = Choose the type that requests become.

## 6 Companies

customers-in-halo = Customers in Halo
customers-search = Search customers
customers-all = { $count ->
    [one] { $count } customer
   *[other] { $count } customers
}
customers-found = { $found } of { $all } customers
customers-none = Halo shows the agent no customer
customers-none-text = Client Access Level must be View (Names Only) at least.
customers-none-found = No customer is called “{ $query }”
customers-is-company = is a company here
customers-import-chosen = Import the chosen
customers-import-all = { $count ->
    [one] Import the one left
   *[other] Import all { $count } that are left
}
customers-import-help = Each becomes a company of the same name, linked by id. Computers can also bring their company with them when they enrol; then it is linked by its name.
customers-importing = Importing: { $seen } of { $total } customers
customers-imported = { $count ->
    [one] { $count } customer is linked
   *[other] { $count } customers are linked
}
customers-made = { $count ->
    [one] { $count } company is new
   *[other] { $count } companies are new
}
customers-imported-all = Import over: { $linked }, { $made }
customers-none-chosen = Choose customers first, or import all.
customers-import-runs = An import runs already.
customers-loose = { $count ->
    [one] One company here has no link
   *[other] { $count } companies here have no link
}
customers-link-all = Link all by name
customers-no-like = Nothing in Halo is called alike
customers-linked-said = Linked. Tickets that waited for it are on their way.
customers-not-linked-said = Nothing was linked: no customer has such a name. Choose by hand.
working = What goes on
sync-now = Read Halo's directory now
sync-running = Reading Halo's directory: { $kind }
sync-running-far = Reading Halo's directory: { $kind }, { $far }
sync-of = { $seen } of { $total }
sync-over = Halo's directory was read: { $seen }
sync-company = customers
sync-location = sites
sync-computer = assets
sync-technician = agents
sync-contact = contacts
sync-company-seen = { $count ->
    [one] { $count } customer
   *[other] { $count } customers
}
sync-location-seen = { $count ->
    [one] { $count } site
   *[other] { $count } sites
}
sync-computer-seen = { $count ->
    [one] { $count } asset
   *[other] { $count } assets
}
sync-technician-seen = { $count ->
    [one] { $count } agent
   *[other] { $count } agents
}
sync-contact-seen = { $count ->
    [one] { $count } contact
   *[other] { $count } contacts
}
list-before = Page before
list-page = Page { $page } of { $pages }

## 7 Test ticket

test-customer = For which customer?
test-customer-text = The ticket is made for it, and closed. Your own company as a customer is a good choice.
test-customer-missing = Choose a customer for the test ticket.
test-more = { $shown } of { $all } customers; search for others.
test-does = What it does
test-does-text = It counts as a ticket in Halo's reports, and the agents you let Halo notify may get a mail.
test-does-1 = Creates one ticket of the chosen type and reads it back.
test-does-2 = Writes an action with working time to it.
test-does-3 = Assigns it to a linked technician.
test-does-4 = Changes its status, with an action and without.
test-does-5 = Closes it. It stays in Halo as a closed ticket.
test-consent = Yes, make this ticket in Halo
test-consent-missing = Tick the box: nothing is written without it.
test-do = Make the test ticket
test-skip = Skip
test-again = Test again
test-ticket-is = The test ticket in Halo:
test-ticket-name = ticket { $id }
new-window = opens in a new window

## 8 Done

done-left = What is left
done-none-left = Nothing: everything that is here is linked.
done-look = Look
done-no-type = No ticket type is chosen: requests wait for one
done-companies = { $count ->
    [one] { $count } company is not linked: its tickets wait
   *[other] { $count } companies are not linked: their tickets wait
}
done-users = { $count ->
    [one] { $count } user is not linked: time is booked to the API-only agent
   *[other] { $count } users are not linked: their time is booked to the API-only agent
}
done-locations = { $count ->
    [one] { $count } location is not linked: tickets go to the main site
   *[other] { $count } locations are not linked: tickets go to the main site
}
done-computers = { $count ->
    [one] { $count } computer is not linked: tickets name it in their text
   *[other] { $count } computers are not linked: tickets name them in their text
}
done-then = Then ask for the first time, on that computer. The request stands under Approvals a moment later:
done-finish = Go to Approvals
