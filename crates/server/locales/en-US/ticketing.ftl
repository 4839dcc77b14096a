tk-title = Ticketing System
tk-sub = Each request becomes one ticket in HaloPSA; each answer is written to it.
tk-connection = Connection
tk-connection-text = From Halo: Configuration › Integrations › HaloPSA API › Applications.
tk-resource_url = Resource server
tk-resource_url-help = The address of Halo's API, as the page HaloPSA API shows it. Example: https://halo.example.com/api
tk-auth_url = Authorisation server
tk-auth_url-help = The address that gives out tokens, from the same page. Example: https://halo.example.com/auth
tk-tenant = Tenant
tk-tenant-help = For a hosted Halo, the name shown as Tenant. Leave it empty for a Halo of your own.
tk-client_id = Client ID
tk-client_id-help = From the application's Details tab.
tk-client_secret = Client Secret
tk-client_secret-help = Shown once by Halo. It is kept sealed and never shown again; leave the field empty to keep the stored one.
tk-secret-stored = A secret is stored
tk-content = Tickets
tk-content-text = The lists are read from Halo and hold what the agent may use.
tk-choose = Not chosen
tk-leave = Leave as it is
tk-unknown-choice = { $id } (not in Halo's list)
tk-ticket_type = Ticket Type
tk-ticket_type-help = Every ticket is made with this type. The API-only agent's team or department must be allowed to use it.
tk-status_open = Status of a new ticket
tk-status_open-help = Leave it to the ticket type, or choose one.
tk-status_approved = Status when approved
tk-status_approved-help = A closed status closes the ticket with the decision.
tk-status_denied = Status when denied
tk-status_denied-help = A closed status closes the ticket with the decision.
tk-status_expired = Status when nobody answers
tk-status_expired-help = Set when a request runs out of time.
tk-status_withdrawn = Status when withdrawn
tk-status_withdrawn-help = Set when the user takes the request back.
tk-outcome = Action outcome
tk-outcome-help = The Halo action that a decision is written as. It must be one that the agent may use.
tk-people = People and time
tk-people-text = An answer belongs to the technician who gave it, where that technician is linked to a Halo agent.
tk-assign = Assign the ticket to the technician who decides
tk-assign-help = Needs “Can Re-assign Tickets: Yes” in Halo. With No, tickets keep their agent and all else works.
tk-time = Time per decision
tk-time-help = Booked on the action, owned by the technician.
tk-time-fixed = Always the same
tk-time-measured = Measured, from first look to decision
tk-time-off = None
tk-minutes = Minutes
tk-minutes-help = With “always the same”: as many. With “measured”: at least as many, 30 at the most.
tk-read-only = Your role reads the settings; an administrator changes them.
tk-saved = Saved.
tk-not-saved = Not saved. Each field says why.
tk-error-number = A whole number from 1 to 480.
tk-error-address = An address that begins with https://
tk-no-choices = The lists come once the connection works.
tk-no-answer = Halo did not give its lists: { $why }

check-title = Live check
check-run = Run live check
check-none = The check shows what Halo lets the agent do, right now. It only reads; nothing is written.
check-fails = { $count ->
    [one] { $count } fails
   *[other] { $count } fail
}
check-warnings = { $count ->
    [one] { $count } warning
   *[other] { $count } warnings
}
check-infos = { $count } info
check-unknowns = { $count } unknown
check-fine = Everything that is needed is there
check-fine-so-far = Everything that can be seen without writing is there
check-word-ok = OK
check-word-info = Info
check-word-warn = Warning
check-word-fail = Fails
check-word-unknown = Unknown
