//! What the simulated Halo holds: its records, under Halo's own field names.
//!
//! These structs are the rows of the seed files, of the journal and (almost) of `/sim/v1/state`. They are not what the
//! API answers: Halo's list rows and details differ, the noun modules (`tickets`, `directory`, …) print those.
//! They share nothing with the project's HaloPSA client on purpose: the simulator is a second witness.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::clock::Stamp;
use crate::rights::{Membership, Rights, YesNo};

/// The pseudo-agent that stands for "nobody": id 1 in every Halo.
pub(crate) const UNASSIGNED: i64 = 1;

/// A record with a numeric id.
pub(crate) trait Record: Serialize {
    /// Its id.
    fn id(&self) -> i64;
}

/// Records by id, in order, that hands out new ids.
#[derive(Clone, Debug)]
pub(crate) struct Table<T> {
    rows: BTreeMap<i64, T>,
    last: i64,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), last: 0 }
    }
}

impl<T: Record> Table<T> {
    pub(crate) fn get(&self, id: i64) -> Option<&T> {
        self.rows.get(&id)
    }
    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.values()
    }
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.rows.values_mut()
    }
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }
    /// Sets a record; ids above the highest so far move the counter.
    pub(crate) fn put(&mut self, row: T) {
        self.last = self.last.max(row.id());
        self.rows.insert(row.id(), row);
    }
    pub(crate) fn remove(&mut self, id: i64) -> Option<T> {
        self.rows.remove(&id)
    }
    /// The id of the next new record.
    pub(crate) fn next_id(&self) -> i64 {
        self.last.saturating_add(1)
    }
    /// Makes new ids start above `id`.
    pub(crate) fn start_after(&mut self, id: i64) {
        self.last = self.last.max(id);
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.values())
    }
}

impl<'de, T: Record + Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = Self::default();
        for row in Vec::<T>::deserialize(deserializer)? {
            table.put(row);
        }
        Ok(table)
    }
}

/// A GUID that is always the same for the same record.
pub(crate) fn guid(kind: &str, id: i64) -> String {
    let hash = Sha256::digest(format!("{kind}/{id}"));
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash) {
        *to = from;
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// Declares record structs: public to the crate, comparable to a Halo row, missing fields take their default.
macro_rules! records {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $kind:ty),+ $(,)? })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub(crate) struct $name { pub(crate) id: i64, $($(#[$field_meta])* pub(crate) $field: $kind),+ }

        impl Record for $name {
            fn id(&self) -> i64 { self.id }
        }
    )+};
}

records! {
    /// A department of the service desk.
    Department { name: String }
    /// A team of agents.
    Team { name: String, department_id: i64, inactive: bool }
    /// A kind of ticket.
    TicketType {
        name: String, group_id: i64, group_name: String, workflow_id: i64, default_sla: i64, default_team: String,
        default_priority: i64, initial_status: i64, allowed_status: Vec<i64>, inactive: bool,
        /// Fields that a new ticket of this type must have.
        mandatory: Vec<String>,
    }
    /// A status; which of them close a ticket is not in Halo's rows, only `excludeclosed` tells.
    Status { name: String, shortname: String, sequence: i64, colour: String, closed: bool, pending: bool }
    /// A service level agreement.
    Sla { name: String, workday_id: i64 }
    /// A priority inside one SLA; `id` numbers our rows only, Halo shows a GUID.
    Priority {
        slaid: i64, priorityid: i64, name: String, ishidden: bool, colour: String, fixtime: f64, responsetime: f64,
    }
    /// What an agent can do on a ticket.
    #[expect(clippy::struct_field_names, reason = "the name is Halo's")]
    Outcome {
        outcome: String, buttonname: String, labellong: String, newstatus: i64, sendemail: i64, hidefromuser: bool,
        systemid: i64, hidden: bool, mustaddnote: bool, mustassign: bool, defaultmanhrs: f64,
    }
    /// Which outcomes are open to tickets of a type, step by step.
    Workflow { name: String, steps: Vec<Value> }
    /// A category label.
    Category { value: String, type_id: i64 }
    /// A lookup row; its key is the pair (`lookupid`, `code`).
    Lookup { lookupid: i64, code: i64, name: String, inactive: bool }
    /// A kind of asset.
    AssetType { name: String, assetgroup_id: i64, assetgroup_name: String, keyfield_name: String }
    /// A custom field's definition.
    FieldInfo { name: String, label: String, #[serde(rename = "type")] kind: i64, usage: i64 }
    /// A top level of the customer tree.
    TopLevel { name: String, organisation_id: i64 }

    /// A customer.
    Client {
        name: String, toplevel_id: i64, inactive: bool, colour: String, is_vip: bool, #[serde(rename = "ref")] reference: String,
        main_site_id: i64, notes: String, phonenumber: String, customfields: Vec<Value>, last_modified: Option<Stamp>,
    }
    /// A customer's site.
    Site {
        name: String, client_id: i64, inactive: bool, sla_id: i64, phonenumber: String, timezone: String, notes: String,
        maincontact_name: String, isinvoicesite: bool, general_user_id: i64, #[serde(rename = "ref")] reference: String,
        last_modified: Option<Stamp>,
    }
    /// A customer's person.
    User {
        name: String, firstname: String, surname: String, emailaddress: String, login: String, inactive: bool, site_id: i64,
        phonenumber: String, azureoid: String, isserviceaccount: bool, linked_agent_id: i64,
        last_modified: Option<Stamp>,
        /// The stand-in for "somebody of this site".
        isgeneraluser: bool,
    }
    /// A customer's device.
    Asset {
        inventory_number: String, key_field: String, key_field2: String, key_field3: String, client_id: i64, site_id: i64,
        username: String, assettype_id: i64, status_id: i64, inactive: bool, third_party_id: i64, fields: Vec<Value>,
        last_modified: Option<Stamp>,
    }
    /// A person (or program) of the service desk.
    Agent {
        name: String, firstname: String, surname: String, initials: String, email: String, team: String, jobtitle: String,
        isdisabled: bool, is_admin: bool, isapiagent: bool, teams: Vec<TeamMembership>, departments: Vec<DepartmentMembership>,
        /// Ticket types with limits; a type that is not named has none.
        tickettypes: Vec<TypePermission>,
        rights: Rights,
    }
    /// A ticket.
    Ticket {
        summary: String, details: String, details_html: String, tickettype_id: i64, client_id: i64, site_id: i64, user_id: i64,
        users_name: String, reportedby: String, status_id: i64, agent_id: i64, team_id: i64, priority_id: i64, sla_id: i64,
        impact: i64, urgency: i64, category_1: String, category_2: String, category_3: String, category_4: String, source: i64,
        third_party_id: i64, third_party_id_string: String, reference: String, client_reference: String,
        dateoccurred: Option<Stamp>, dateclosed: Option<Stamp>, last_update: Option<Stamp>, lastactiondate: Option<Stamp>,
        dateassigned: Option<Stamp>, deadlinedate: Option<Stamp>, assets: Vec<i64>, customfields: Vec<Value>, parent_id: i64,
        deleted: bool, merged_into_id: i64, timetaken: f64, reassigncount: i64, created_by: String,
    }
    /// An entry of a ticket's timeline; `id` counts within the ticket.
    Action {
        ticket_id: i64, outcome: String, outcome_id: i64, note: String, note_html: String, hiddenfromuser: bool, important: bool,
        who: String, who_type: i64, who_agentid: i64, actionby_agent_id: i64, actionby_application_id: String,
        datetime: Option<Stamp>, actiondatecreated: Option<Stamp>, last_updated: Option<Stamp>,
        actionarrivaldate: Option<Stamp>, actioncompletiondate: Option<Stamp>,
        timetaken: f64, nonbilltime: f64, traveltime: f64, actionchargehours: f64, actionnonchargehours: f64,
        actionprepayhours: f64, chargerate: i64, actisbillable: bool,
        old_status: i64, new_status: i64, new_agent: i64, new_team: String, new_priority: i64,
        sendemail: bool, sendsms: bool, send_survey: bool, emailto: String, emailsubject: String, guid: String,
        customfields: Vec<Value>,
    }
    /// A file at a ticket.
    Attachment {
        filename: String, ticket_id: i64, action_id: i64, filesize: i64, datecreated: Option<Stamp>, isimage: bool,
        data_base64: String, note: String,
    }
    /// A webhook; its public id is a GUID.
    Webhook { name: String, guid: String, body: Value }
    /// A notification definition: which event goes to which webhook.
    Notification { webhook_id: String, eventno: String, body: Value }
    /// One delivery of a webhook, as `/WebhookEvent` shows it.
    WebhookEvent {
        webhook_id: String, guid: String, notification_id: i64, timestamp: Option<Stamp>, entity_id: i64, requestbody: String,
        responsestatus: i64, responsebody: String, error: bool, duration: f64,
    }
}

/// An agent's place in a team, with the seed document's three flags under Halo's field names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TeamMembership {
    pub(crate) team_id: i64,
    /// "Can be assigned to".
    pub(crate) in_section: YesNo,
    /// "Can see Unassigned Tickets for this Team".
    pub(crate) unassigned_access: YesNo,
    /// "Can see Tickets assigned to other Agents in this Team".
    pub(crate) otheragent_access: YesNo,
}

/// An agent's place in a department.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DepartmentMembership {
    pub(crate) department_id: i64,
    /// "Membership Level".
    pub(crate) membershiplevel: Membership,
}

/// What an agent may do with tickets of one type.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TypePermission {
    pub(crate) tickettype_id: i64,
    pub(crate) cancreate: bool,
    pub(crate) canview: bool,
    pub(crate) canedit: bool,
}

/// All records. Also the form of a seed file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Book {
    /// The agent that the API application logs in as.
    pub(crate) login_agent_id: i64,
    /// Where tickets without a customer go; 0 = they are refused.
    pub(crate) default_client_id: i64,
    /// The first ticket's number.
    pub(crate) first_ticket_id: i64,
    /// Scopes that the API application was given.
    pub(crate) application_scopes: Vec<String>,
    pub(crate) organisation_name: String,
    pub(crate) toplevels: Table<TopLevel>,
    pub(crate) departments: Table<Department>,
    pub(crate) teams: Table<Team>,
    pub(crate) statuses: Table<Status>,
    pub(crate) slas: Table<Sla>,
    pub(crate) priorities: Table<Priority>,
    pub(crate) outcomes: Table<Outcome>,
    pub(crate) workflows: Table<Workflow>,
    pub(crate) tickettypes: Table<TicketType>,
    pub(crate) categories: Table<Category>,
    pub(crate) lookups: Table<Lookup>,
    pub(crate) assettypes: Table<AssetType>,
    pub(crate) fields: Table<FieldInfo>,
    pub(crate) agents: Table<Agent>,
    pub(crate) clients: Table<Client>,
    pub(crate) sites: Table<Site>,
    pub(crate) users: Table<User>,
    pub(crate) assets: Table<Asset>,
    pub(crate) tickets: Table<Ticket>,
    pub(crate) attachments: Table<Attachment>,
    pub(crate) webhooks: Table<Webhook>,
    pub(crate) notifications: Table<Notification>,
    pub(crate) webhook_events: Table<WebhookEvent>,
    /// The actions of each ticket, apart from the tickets: those are copied to be changed, and must not drag their history.
    #[serde(skip)]
    pub(crate) timelines: HashMap<i64, Table<Action>>,
}

impl Book {
    /// A ticket's actions, oldest first.
    pub(crate) fn actions(&self, ticket_id: i64) -> impl DoubleEndedIterator<Item = &Action> {
        self.timelines.get(&ticket_id).into_iter().flat_map(Table::values)
    }
    /// One action.
    pub(crate) fn action(&self, ticket_id: i64, id: i64) -> Option<&Action> {
        self.timelines.get(&ticket_id)?.get(id)
    }
    /// The number of a ticket's next action.
    pub(crate) fn next_action_id(&self, ticket_id: i64) -> i64 {
        self.timelines.get(&ticket_id).map_or(1, Table::next_id)
    }
    /// The site's stand-in user.
    pub(crate) fn general_user(&self, site_id: i64) -> Option<i64> {
        self.sites.get(site_id).map(|site| site.general_user_id)
    }
    pub(crate) fn status_is_closed(&self, id: i64) -> bool {
        self.statuses.get(id).is_some_and(|status| status.closed)
    }
    pub(crate) fn team_name(&self, id: i64) -> &str {
        self.teams.get(id).map_or("", |team| &team.name)
    }
    pub(crate) fn team_id(&self, name: &str) -> Option<i64> {
        self.teams.values().find(|team| team.name.eq_ignore_ascii_case(name)).map(|team| team.id)
    }
    pub(crate) fn agent_name(&self, id: i64) -> &str {
        self.agents.get(id).map_or("", |agent| &agent.name)
    }
    pub(crate) fn client_name(&self, id: i64) -> &str {
        self.clients.get(id).map_or("", |client| &client.name)
    }
    pub(crate) fn site_name(&self, id: i64) -> &str {
        self.sites.get(id).map_or("", |site| &site.name)
    }
    pub(crate) fn user_name(&self, id: i64) -> &str {
        self.users.get(id).map_or("", |user| &user.name)
    }
}
