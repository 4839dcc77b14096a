//! The open questions about HaloPSA, each as a switch: nobody could tell which answer a given tenant gives, so a client
//! must live with both. Defaults are what public reports favour; where nothing is known, the friendlier one.
//!
//! Read by the handlers, set through `PATCH /sim/v1/switches`. A new quirk is one line in [`switches!`] below.

use serde_json::{Map, Value, json};

use crate::words::{Word, words};

words! { OnOff { On "true", Off "false" } }
words! { PostReturns { Object "object", Array "array" } }
words! { CreatedStatus { Created "201", Ok "200" } }
words! { Refused { Error "error", Silent "silent" } }
words! { Scope { Narrow "narrow", Error "error" } }
words! { NoAccess { Unauthorized "401", Forbidden "403" } }
words! { WrongTenant { Error "error", Html "html", Ignore "ignore" } }
words! { Hidden { NotFound "404", Empty "empty" } }
words! { Deleted { NotFound "404", Empty "empty", Shown "shown" } }
words! { DeletedLists { Only "only", Also "also" } }
words! { NoAccessList { Empty "empty", Forbidden "403" } }
words! { NamesOnly { Clients "clients", Blank "blank", Deny "deny" } }
words! { UnknownOutcome { Refuse "400", Accept "accept" } }
words! { UnknownTicket { BadRequest "400", NotFound "404" } }
words! { DefaultOrder { Newest "newest", Oldest "oldest", LastUpdate "last_update" } }
words! { UnpagedRows { All "all", Fifty "50" } }
words! { DepartmentEdit { ViewAll "view_all", ModifyAll "modify_all" } }
words! { Login { Agent "agent", None "none" } }
words! { AssetChoice { Drop "drop", Refuse "400" } }
words! { Batch { Partial "partial", Atomic "atomic" } }
words! { Doubles { Integer "12", Double "12.0" } }

/// A value as JSON has it: true, false and numbers bare, words as text.
fn printed(value: impl Word) -> Value {
    match value.word() {
        "true" => json!(true),
        "false" => json!(false),
        word => word.parse::<u64>().map_or_else(|_| json!(word), |number| json!(number)),
    }
}

/// Declares the switches: name, values, default, and the sentence that `GET /sim/v1/switches` shows.
macro_rules! switches {
    ($($name:ident: $kind:ident = $default:ident, $about:literal;)+) => {
        /// The current answers to the open questions.
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub(crate) struct Switches { $(pub(crate) $name: $kind),+ }

        impl Default for Switches {
            fn default() -> Self {
                Self { $($name: $kind::$default),+ }
            }
        }

        impl Switches {
            /// Every switch with its value, its default, what is allowed, and what it means.
            pub(crate) fn describe(&self) -> Value {
                let mut all = Map::new();
                $(all.insert(stringify!($name).to_owned(), json!({
                    "value": printed(self.$name), "default": printed($kind::$default),
                    "allowed": $kind::ALL.iter().map(|(value, _)| printed(*value)).collect::<Vec<_>>(), "about": $about,
                }));)+
                Value::Object(all)
            }

            /// The bare values.
            pub(crate) fn values(&self) -> Value {
                let mut all = Map::new();
                $(all.insert(stringify!($name).to_owned(), printed(self.$name));)+
                Value::Object(all)
            }

            /// Sets one switch.
            ///
            /// # Errors
            /// A sentence that names the switch and what is allowed.
            pub(crate) fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
                match name {
                    $(stringify!($name) => {
                        self.$name = $kind::read(value).ok_or_else(|| format!(
                            "switch `{name}` cannot be {value}; allowed: {}", $kind::allowed().join(", ")))?;
                    })+
                    _ => return Err(format!("there is no switch `{name}`; there are: {}", [$(stringify!($name)),+].join(", "))),
                }
                Ok(())
            }
        }
    };
}

switches! {
    post_returns: PostReturns = Object, "what POST answers without returnall: the (last) object, or a one-element array";
    created_status: CreatedStatus = Created, "the status of a good POST: 201 on current versions, 200 on older ones";
    update_strict: OnOff = Off, "an update of a ticket without tickettype_id and client_id is answered as record not found";
    accept_bare_object: OnOff = Off, "POST takes an object that is not wrapped in an array";
    batch_error: Batch = Partial, "a bad element in a POST: the ones before it stay written, or none is written";
    honour_who_agentid: OnOff = On, "an action's who_agentid decides who owns the time entry; off: the API agent owns it";
    honour_backdating: OnOff = On, "actionarrivaldate and actioncompletiondate of an action are kept; off: both are now";
    refused_reassign: Refused = Error, "a re-assignment without the right: 403, or the old agent silently stays";
    refused_status: Refused = Error, "a status change outside actions without the right: 403, or the old status silently stays";
    ignore_reference_filter: OnOff = Off, "the filters third_party_id and third_party_id_string are ignored: unfiltered rows";
    ignore_update_filter: OnOff = Off, "the filters lastupdatefromdate and lastupdatetodate of customers, sites, users and assets are ignored: unfiltered rows";
    reference_in_rows: OnOff = On, "list rows show third_party_id_string; off: only the ticket by id does";
    default_order: DefaultOrder = Newest, "the order of /Tickets when none is asked for";
    unpaged_rows: UnpagedRows = All, "what lists other than /Tickets give without paging";
    incomplete_paging: OnOff = On, "pageinate without page_no ignores page_size: 50 rows, and record_count says 50";
    hidden_is: Hidden = NotFound, "GET by id of a record that this agent may not see: 404, or an empty object";
    no_access_list: NoAccessList = Empty, "a list whose access level is No Access: empty, or 403";
    deleted_ticket: Deleted = NotFound, "GET by id of a deleted ticket: 404, an object without id, or shown with deleted=true";
    deleted_lists: DeletedLists = Only, "deleted=true lists the deleted tickets only, or them as well";
    delete_tickets: OnOff = On, "the API agent may delete tickets; off: 403";
    names_only: NamesOnly = Clients, "what Client Access View (Names Only) blanks: /Client rows, also /Site and /Users, or those two are empty";
    unknown_outcome: UnknownOutcome = Refuse, "an action with an outcome name that does not exist: 400, or taken as free text";
    action_unknown_ticket: UnknownTicket = BadRequest, "an action for a ticket that does not exist or is hidden";
    foreign_asset: AssetChoice = Drop, "an asset of another customer on a ticket: silently left out, or 400";
    user_sets_site: OnOff = Off, "a ticket with user_id goes to that user's site, whatever site_id says";
    user_needs_site: OnOff = Off, "a ticket with user_id but without site_id is refused";
    department_edit: DepartmentEdit = ViewAll, "the membership level that lets an agent change tickets of a department's other teams";
    stale_permissions: OnOff = Off, "rights count as they were when the token was issued, until it is renewed";
    ungranted_scope: Scope = Narrow, "a scope that the application was not given: left out of the token, or invalid_scope";
    scopeless_token: NoAccess = Unauthorized, "what a token without scope gets from the API";
    wrong_tenant: WrongTenant = Error, "a token request with another tenant's name: OAuth error, an HTML page, or taken";
    application_login: Login = Agent, "whom the application logs in as; none: no agent stands behind the token, tickets answer 403";
    lookups_need_scope: OnOff = Off, "agents, teams, types, statuses and outcomes need read:tickets; off: any scope will do";
    doubles_as: Doubles = Integer, "how Site.client_id and Users.site_id print: 12 or 12.0";
    retry_after: OnOff = On, "429 carries Retry-After";
}
