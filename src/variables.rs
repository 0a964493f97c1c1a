//! The variables. All of them are final in an access log.

#![forbid(unsafe_code)]

use policy::{At, Limit, Verdict};

use crate::nginx::{Request, Value, Variable};
use crate::state::State;

/// All variables of the module; empty for requests to which no limit applied.
pub const VARIABLES: &[Variable<State>] = &[
    Variable { name: "limit_body_status", get: |_, state| text(state.verdict.get().map(Verdict::as_str)) },
    Variable { name: "limit_body_limit", get: |_, state| number(state.limit.get().map(Limit::bytes)) },
    Variable { name: "limit_body_received", get: received },
    Variable { name: "limit_body_at", get: |_, state| text(state.at.get().map(At::as_str)) },
];

fn received(r: &Request, state: &State) -> Value {
    Value::Number(state.received.get().unwrap_or_else(|| r.main().body_received()))
}

fn text(value: Option<&'static str>) -> Value {
    value.map_or(Value::Empty, Value::Text)
}

fn number(value: Option<u64>) -> Value {
    value.map_or(Value::Empty, Value::Number)
}
