//! Texts that administrators write for tickets: filled in, in a box.
//!
//! A template may use the variables it is given, `if`, `for` and a few filters on text; it reads no file, includes no
//! other, and its work and size are bounded. Not for: which variables there are, see [`crate::variables`]. Called by
//! [`crate::ticket`].
//!
//! The decision a reader would undo: there is no filter and no block that turns escaping off. Values come from
//! endpoints (promise P7); they are escaped on their way out wherever they stand, and are never a template themselves.

use std::{collections::BTreeMap, fmt::Write as _};

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, filters, tests};

use crate::{
    text::{html, line},
    variables::{About, VARIABLES, Variable},
};

/// The longest template, in characters.
pub const MAX_SOURCE: usize = 16_000;
/// The longest text that comes of one, in bytes. Every value at its longest, escaped, in the text of the product's own
/// takes half of it.
const MAX_OUTPUT: usize = 256 * 1024;
/// Steps of work in one text; about 64 bytes each where a step makes or copies text.
const FUEL: u64 = 50_000;

/// What a template makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One line of plain text.
    Line,
    /// A fragment of HTML.
    Html,
}

/// Why a template is not taken, or did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// In a line, counted from 1.
    #[error("Line {line}: {reason}.")]
    At {
        /// The line.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// As a whole.
    #[error("{0}.")]
    Whole(String),
}

/// The filters that a template may use, and what each does.
pub const FILTERS: [&str; 5] = ["default", "lower", "upper", "trim", "length"];

fn environment(form: Form) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.add_filter("default", filters::default);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("length", filters::length);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("none", tests::is_none);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    if form == Form::Html {
        // What a `set` block holds was escaped when it was written, and says so; see the formatter.
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    }
    environment.set_formatter(move |out, _, value| {
        if value.is_none() {
            return Ok(());
        }
        if value.is_undefined() {
            return Err(Error::new(ErrorKind::UndefinedError, "there is no such value"));
        }
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let written = match form {
            Form::Html if value.is_safe() => out.write_str(&text),
            Form::Html => out.write_str(&html(&text)),
            Form::Line => out.write_str(&line(&text, MAX_OUTPUT)),
        };
        written.map_err(Error::from)
    });
    environment
}

/// Fills a template in.
///
/// # Errors
/// [`Wrong`] names the line and the reason.
pub(crate) fn fill(form: Form, source: &str, about: &About<'_>) -> Result<String, Wrong> {
    filled(form, source, values(|variable| (variable.of)(about)))
}

fn values(of: impl Fn(&Variable) -> Option<String>) -> Value {
    let values: BTreeMap<&'static str, Value> =
        VARIABLES.iter().map(|variable| (variable.name, of(variable).map_or(Value::from(()), Value::from))).collect();
    Value::from(values)
}

fn filled(form: Form, source: &str, values: Value) -> Result<String, Wrong> {
    let environment = environment(form);
    let template = environment.template_from_str(source).map_err(|error| wrong(&error))?;
    let text = template.render(values).map_err(|error| wrong(&error))?;
    if text.len() > MAX_OUTPUT {
        return Err(Wrong::Whole(format!("the text is longer than {} KB", MAX_OUTPUT / 1024)));
    }
    Ok(text)
}

/// Tries a template out: with every variable at its example, and with none of them.
///
/// # Errors
/// [`Wrong`] names the line and the reason.
pub fn check(form: Form, source: &str) -> Result<(), Wrong> {
    if source.chars().count() > MAX_SOURCE {
        return Err(Wrong::Whole(format!("the text is longer than {MAX_SOURCE} characters")));
    }
    let environment = environment(form);
    let template = environment.template_from_str(source).map_err(|error| wrong(&error))?;
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|name| !VARIABLES.iter().any(|variable| variable.name == name));
    unknown.sort();
    if let Some(name) = unknown.first() {
        let place = source.lines().position(|line| line.contains(name.as_str())).unwrap_or(0);
        return Err(Wrong::At { line: place + 1, reason: format!("there is no variable \"{name}\"") });
    }
    filled(form, source, values(|variable| Some(variable.example.to_owned())))?;
    filled(form, source, values(|_| None)).map(|_| ())
}

fn wrong(error: &Error) -> Wrong {
    let mut reason = match error.kind() {
        ErrorKind::OutOfFuel => "this takes too much work".to_owned(),
        kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
    };
    if error.kind() == ErrorKind::UnknownFilter {
        // Writing to a String cannot fail.
        let _infallible = write!(reason, "; there are {}", FILTERS.join(", "));
    }
    match error.line() {
        Some(line) => Wrong::At { line, reason },
        None => Wrong::Whole(reason),
    }
}
