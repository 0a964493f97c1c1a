//! The variables. All of them are final in the access log.

#![forbid(unsafe_code)]

use policy::{Limit, Verdict};

use crate::module::{LimitSession, Session};
use crate::state::State;
use nginx::stream::Variable;
use nginx::Value;

/// All variables of the module. They are empty where a session was not judged.
pub const VARIABLES: &[Variable<LimitSession>] = &[
    Variable { name: "limit_session_status", get: status },
    Variable { name: "limit_session_limit", get: limit },
    Variable { name: "limit_session_received", get: received },
];

fn status(_: Session<'_>, state: &State) -> Value {
    state.verdict().map(Verdict::as_str).map_or(Value::Empty, Value::Text)
}

/// The limit, in bytes; 0 means no limit. Empty if it was invalid.
fn limit(_: Session<'_>, state: &State) -> Value {
    let limit = state.judgement.get().and_then(|judgement| judgement.limit());
    limit.map(Limit::bytes).map_or(Value::Empty, Value::Number)
}

/// How many bytes the client has sent, without those of the drain.
fn received(s: Session<'_>, state: &State) -> Value {
    state.verdict().map_or(Value::Empty, |_| Value::Number(s.received().saturating_sub(state.drained_bytes())))
}
